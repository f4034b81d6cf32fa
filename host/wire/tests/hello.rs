//! Who may hold the wire, and who may not.

use sortie_wire::hello::{
    Greeting, Hello, HelloError, Opening, Refusal, Secret, Verdict, WireToken, greet_runner,
    read_hello, write_greeting, write_verdict,
};
use sortie_wire::{PROTOCOL, codec};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

const SECRET: Secret = Secret([7; 32]);

fn token(lease: u64, epoch: u32) -> WireToken {
    WireToken { lease, epoch }
}

/// A runner with a secret that judges one hello.
async fn runner(
    mut io: DuplexStream,
    secret: Secret,
    last: Option<WireToken>,
) -> Result<Hello, HelloError> {
    let greeting = Greeting {
        nonce: [3; 32],
        last,
    };
    write_greeting(&mut io, &greeting).await?;
    let hello = read_hello(&mut io).await?;
    let verdict = match hello.judge(&greeting, &secret, last) {
        Ok(proof) => Verdict::Welcome { proof },
        Err(refusal) => Verdict::Refused(refusal),
    };
    write_verdict(&mut io, &verdict).await?;
    Ok(hello)
}

async fn meet(
    host: Secret,
    inside: Secret,
    last: Option<WireToken>,
    lease: u64,
) -> Result<WireToken, HelloError> {
    let (mut near, far) = duplex(4096);
    let (opened, _) = tokio::join!(
        greet_runner(&mut near, lease, &host, Opening::Resume),
        runner(far, inside, last)
    );
    opened
}

#[tokio::test]
async fn newer_tokens_win_and_a_lease_counts_its_wires() {
    assert_eq!(meet(SECRET, SECRET, None, 5).await.unwrap(), token(5, 0));
    assert_eq!(
        meet(SECRET, SECRET, Some(token(4, 9)), 5).await.unwrap(),
        token(5, 0)
    );
    assert_eq!(
        meet(SECRET, SECRET, Some(token(5, 9)), 5).await.unwrap(),
        token(5, 10)
    );
    let refused = meet(SECRET, SECRET, Some(token(6, 0)), 5)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, HelloError::Refused(Refusal::StaleToken { last }) if last == token(6, 0))
    );
    // A lease that used all its epochs does not begin again at none.
    let refused = meet(SECRET, SECRET, Some(token(5, u32::MAX)), 5)
        .await
        .unwrap_err();
    assert!(matches!(
        refused,
        HelloError::Refused(Refusal::StaleToken { .. })
    ));
}

#[tokio::test]
async fn without_the_secret_neither_end_is_believed() {
    let refused = meet(Secret([8; 32]), SECRET, None, 5).await.unwrap_err();
    assert!(matches!(refused, HelloError::Refused(Refusal::BadProof)));

    // A false runner welcomes everybody, with a proof it made up or echoed.
    for echo in [false, true] {
        let (mut near, mut far) = duplex(4096);
        let false_runner = async {
            write_greeting(
                &mut far,
                &Greeting {
                    nonce: [0; 32],
                    last: None,
                },
            )
            .await
            .unwrap();
            let hello = read_hello(&mut far).await.unwrap();
            let proof = if echo { hello.proof } else { [0; 32] };
            write_verdict(&mut far, &Verdict::Welcome { proof })
                .await
                .unwrap();
        };
        let (opened, ()) = tokio::join!(
            greet_runner(&mut near, 1, &SECRET, Opening::Resume),
            false_runner
        );
        assert!(matches!(opened, Err(HelloError::FalseRunner)), "{opened:?}");
    }
}

#[tokio::test]
async fn a_hello_is_good_for_one_greeting_and_one_token_only() {
    let greeting = Greeting {
        nonce: [1; 32],
        last: None,
    };
    let hello = Hello::new(&greeting, token(5, 0), &SECRET, false).unwrap();
    assert!(hello.judge(&greeting, &SECRET, None).is_ok());
    let later = Greeting {
        nonce: [2; 32],
        last: None,
    };
    assert_eq!(hello.judge(&later, &SECRET, None), Err(Refusal::BadProof));
    let mut raised = hello.clone();
    raised.token = token(6, 0);
    assert_eq!(
        raised.judge(&greeting, &SECRET, None),
        Err(Refusal::BadProof)
    );
    assert_eq!(
        hello.judge(&greeting, &SECRET, Some(token(5, 0))),
        Err(Refusal::StaleToken { last: token(5, 0) })
    );
    assert!(
        hello.claim.is_none(),
        "the secret itself only travels in a claim"
    );
    assert!(
        !format!(
            "{:?}",
            Hello::new(&greeting, token(1, 0), &SECRET, true)
                .unwrap()
                .claim
        )
        .contains('7')
    );
}

#[tokio::test]
async fn strangers_and_other_versions_are_told_apart() {
    async fn said(bytes: &[u8]) -> HelloError {
        let (mut near, mut far) = duplex(4096);
        far.write_all(bytes).await.unwrap();
        drop(far);
        greet_runner(&mut near, 1, &SECRET, Opening::Resume)
            .await
            .unwrap_err()
    }
    assert!(matches!(
        said(b"HTTP/1.1 200 OK\r\n\r\n").await,
        HelloError::NotARunner
    ));
    assert!(matches!(
        said(b"").await,
        HelloError::Frame(codec::FrameError::Ended)
    ));
    assert!(matches!(
        said(b"SORTIEw\n").await,
        HelloError::Frame(codec::FrameError::Ended)
    ));
    let mut other = b"SORTIEw\n".to_vec();
    other.extend((PROTOCOL + 1).to_le_bytes());
    let error = said(&other).await;
    assert!(matches!(error, HelloError::Version { found } if found == PROTOCOL + 1));
    assert!(error.to_string().contains("rebuild"), "{error}");
    let mut endless = b"SORTIEw\n".to_vec();
    endless.extend(PROTOCOL.to_le_bytes());
    endless.extend(u32::MAX.to_le_bytes());
    assert!(matches!(
        said(&endless).await,
        HelloError::Frame(codec::FrameError::TooLarge { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_silent_runner_is_given_up() {
    let (mut near, _far) = duplex(4096);
    let error = greet_runner(&mut near, 1, &SECRET, Opening::Resume)
        .await
        .unwrap_err();
    assert!(matches!(error, HelloError::TimedOut));
    // So is one that greets and then falls silent.
    let (mut near, mut far) = duplex(4096);
    write_greeting(
        &mut far,
        &Greeting {
            nonce: [0; 32],
            last: None,
        },
    )
    .await
    .unwrap();
    let error = greet_runner(&mut near, 1, &SECRET, Opening::Resume)
        .await
        .unwrap_err();
    assert!(matches!(error, HelloError::TimedOut));
}
