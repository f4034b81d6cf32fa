//! Frames and blobs: what goes in comes out, and what a hostile peer sends is
//! an error of bounded cost.

use bytes::Bytes;
use proptest::prelude::*;
use sortie_wire::blob::{self, BlobError};
use sortie_wire::codec::{FrameError, decode, encode, expect_frame, read_frame, write_frame};
use sortie_wire::limits::{CHUNK_MAX_BYTES, OPEN_MAX_BYTES};
use sortie_wire::message::{
    CollectSpec, ExitReport, ExitStatus, KillReason, Open, OutputFrame, OutputStream, Reply,
    RunnerError, StepFile, StepSpec,
};
use tokio::io::{AsyncWriteExt, duplex};

fn bytes() -> impl Strategy<Value = Bytes> {
    proptest::collection::vec(any::<u8>(), 0..300).prop_map(Bytes::from)
}

fn open() -> impl Strategy<Value = Open> {
    let file = (".*", bytes(), any::<bool>()).prop_map(|(path, contents, executable)| StepFile {
        path,
        contents,
        executable,
    });
    let step = (
        ".*",
        proptest::collection::vec(".*", 0..4),
        proptest::collection::vec((".*", ".*"), 0..4),
        proptest::collection::vec(file, 0..3),
        proptest::option::of(bytes()),
        any::<(u64, u64)>(),
    )
        .prop_map(
            |(id, argv, env, files, stdin, (wall_limit_ms, output_limit_bytes))| {
                let cwd = id.clone();
                Open::Start(StepSpec {
                    id,
                    argv,
                    env,
                    cwd,
                    files,
                    stdin,
                    wall_limit_ms,
                    output_limit_bytes,
                })
            },
        );
    prop_oneof![
        Just(Open::Control),
        Just(Open::Status),
        Just(Open::Llm),
        Just(Open::Egress),
        ".*".prop_map(|base| Open::Put { base }),
        (".*", any::<u64>()).prop_map(|(step, from)| Open::Output { step, from }),
        (".*", any::<u64>()).prop_map(|(text, max_bytes)| Open::Collect(CollectSpec {
            base: text.clone(),
            author_name: text.clone(),
            author_email: text.clone(),
            message: text,
            max_bytes,
        })),
        (".*", any::<bool>()).prop_map(|(commit, ignored)| Open::Reset { commit, ignored }),
        step,
    ]
}

fn output() -> impl Strategy<Value = OutputFrame> {
    let status = prop_oneof![
        any::<i32>().prop_map(ExitStatus::Code),
        any::<i32>().prop_map(ExitStatus::Signal),
        Just(ExitStatus::TimedOut),
        Just(ExitStatus::Killed(KillReason::WorkspaceFull)),
        Just(ExitStatus::Oom),
    ];
    let exit = (status, any::<(u64, bool, u64, u32, u32)>()).prop_map(|(status, rest)| {
        let (output_bytes, output_truncated, duration_ms, strays_killed, oom_kills) = rest;
        OutputFrame::Exit(ExitReport {
            status,
            output_bytes,
            output_truncated,
            duration_ms,
            strays_killed,
            oom_kills,
        })
    });
    prop_oneof![
        exit,
        (any::<u64>(), bytes()).prop_map(|(offset, bytes)| OutputFrame::Data {
            stream: OutputStream::Stderr,
            offset,
            bytes
        }),
    ]
}

proptest! {
    #[test]
    fn messages_come_back_as_they_were(open in open(), output in output()) {
        let frame = encode(&open, OPEN_MAX_BYTES).unwrap();
        prop_assert_eq!(decode::<Open>(&frame[4..]).unwrap(), open);
        let frame = encode(&output, OPEN_MAX_BYTES).unwrap();
        prop_assert_eq!(decode::<OutputFrame>(&frame[4..]).unwrap(), output);
    }

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode::<Open>(&bytes);
        let _ = decode::<OutputFrame>(&bytes);
        let _ = decode::<Reply<sortie_wire::message::Status>>(&bytes);
        let _ = decode::<sortie_wire::hello::Hello>(&bytes);
    }

    #[test]
    fn a_frame_cut_anywhere_is_an_error(open in open(), cut in any::<prop::sample::Index>()) {
        let frame = encode(&open, OPEN_MAX_BYTES).unwrap();
        let cut = cut.index(frame.len());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let read = runtime.block_on(read_frame::<Open, _>(&mut &frame[..cut], OPEN_MAX_BYTES));
        match read {
            Ok(None) => prop_assert_eq!(cut, 0),
            Err(FrameError::Ended) => prop_assert!(cut > 0),
            other => prop_assert!(false, "{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_frame_over_the_limit_is_neither_sent_nor_read() {
    let long = Open::Put {
        base: "x".repeat(100),
    };
    assert!(matches!(
        encode(&long, 50),
        Err(FrameError::TooLarge { max: 50, .. })
    ));
    let frame = encode(&long, 1000).unwrap();
    let read = expect_frame::<Open, _>(&mut &frame[..], 50).await;
    assert!(matches!(read, Err(FrameError::TooLarge { max: 50, .. })));
    // An announcement alone costs nothing: the largest length there is, and no bytes.
    let mut announced = &u32::MAX.to_le_bytes()[..];
    assert!(matches!(
        expect_frame::<Open, _>(&mut announced, OPEN_MAX_BYTES).await,
        Err(FrameError::TooLarge { .. })
    ));
}

#[tokio::test]
async fn bytes_behind_a_message_are_an_error() {
    let mut frame = encode(&Open::Status, 100).unwrap();
    frame.push(0);
    frame[0] += 1;
    let read = expect_frame::<Open, _>(&mut &frame[..], 100).await;
    assert!(matches!(read, Err(FrameError::Trailing(1))), "{read:?}");
}

#[tokio::test]
async fn a_slow_peer_is_waited_for_byte_by_byte() {
    let (mut near, mut far) = duplex(1);
    let sent = RunnerError::Busy { step: "one".into() };
    let expected = sent.clone();
    let writing = tokio::spawn(async move { write_frame(&mut far, &sent, 1000).await });
    assert_eq!(
        expect_frame::<RunnerError, _>(&mut near, 1000)
            .await
            .unwrap(),
        expected
    );
    writing.await.unwrap().unwrap();
}

#[tokio::test]
async fn blobs_arrive_whole_or_not_at_all() {
    for size in [
        0,
        1,
        CHUNK_MAX_BYTES - 1,
        CHUNK_MAX_BYTES,
        CHUNK_MAX_BYTES + 1,
        5 * CHUNK_MAX_BYTES,
    ] {
        let data: Vec<u8> = (0..size).map(|i| i as u8).collect();
        let (mut near, mut far) = duplex(4096);
        let source = data.clone();
        let sending =
            tokio::spawn(async move { blob::send(&mut &source[..], &mut far, u64::MAX).await });
        let mut received = Vec::new();
        assert_eq!(
            blob::receive(&mut near, &mut received, size as u64)
                .await
                .unwrap(),
            size as u64
        );
        assert_eq!(sending.await.unwrap().unwrap(), size as u64);
        assert_eq!(received, data);
    }
}

#[tokio::test]
async fn a_blob_is_bounded_on_both_sides_and_must_end() {
    let data = vec![1; 3 * CHUNK_MAX_BYTES];
    let mut wire = Vec::new();
    let sent = blob::send(&mut &data[..], &mut wire, 100).await;
    assert!(matches!(sent, Err(BlobError::TooLarge { max: 100 })));

    let mut wire = Vec::new();
    blob::send(&mut &data[..], &mut wire, u64::MAX)
        .await
        .unwrap();
    let received = blob::receive(&mut &wire[..], &mut Vec::new(), data.len() as u64 - 1).await;
    assert!(matches!(received, Err(BlobError::TooLarge { .. })));
    // Cut before the end mark, at a chunk's border and inside one.
    for cut in [wire.len() - 4, wire.len() - 10, CHUNK_MAX_BYTES + 4, 2] {
        let received = blob::receive(&mut &wire[..cut], &mut Vec::new(), u64::MAX).await;
        assert!(
            matches!(received, Err(BlobError::Frame(FrameError::Ended))),
            "{cut}: {received:?}"
        );
    }
    let mut wire = Vec::new();
    wire.write_all(&(CHUNK_MAX_BYTES as u32 + 1).to_le_bytes())
        .await
        .unwrap();
    let received = blob::receive(&mut &wire[..], &mut Vec::new(), u64::MAX).await;
    assert!(matches!(
        received,
        Err(BlobError::Frame(FrameError::TooLarge { .. }))
    ));
}
