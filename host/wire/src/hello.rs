//! The handshake: who may hold the wire.
//!
//! What it defends. The agent runs in the same container and under the same
//! user as the runner, so it can reach whatever the runner listens on. The
//! wire's owner is therefore found out by a secret of the container's own:
//! - the secret travels to the runner once, over the container's own standard
//!   input, before anything but the runner runs in the container;
//! - afterwards both ends prove that they know it with an HMAC over both
//!   nonces and the token, so that neither a listener nor a false runner
//!   learns anything that it could use;
//! - a token no newer than the last one is refused, so that a host which lost
//!   its lease cannot come back, and the older session of a host that did not
//!   notice is closed by the newer.
//!
//! What it does not defend: the bytes themselves. They travel inside the
//! engine's own channel, which is trusted or protected by TLS or SSH.

use crate::PROTOCOL;
use crate::codec::{FrameError, expect_frame, write_frame};
use crate::limits::{HELLO_LIMIT, HELLO_MAX_BYTES};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// First bytes of the runner's side; the version follows as little-endian
/// `u16`. They never change, so that a stranger is told from another version.
const MAGIC: [u8; 8] = *b"SORTIEw\n";

/// A container's secret. Never shown by `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secret(pub [u8; 32]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a wire must show to take over: greater than the last one's, compared
/// by lease first. The epoch tells apart the wires that one lease opens.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct WireToken {
    /// The lease's fencing token.
    pub lease: u64,
    /// Counts the wires opened under that lease.
    pub epoch: u32,
}

impl fmt::Display for WireToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.lease, self.epoch)
    }
}

/// What the runner says first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// Random; part of the proofs.
    pub nonce: [u8; 32],
    /// The token of the last wire; none before the first.
    pub last: Option<WireToken>,
}

/// What the host answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// The host's token.
    pub token: WireToken,
    /// Random; part of the proofs.
    pub nonce: [u8; 32],
    /// The secret itself, on the container's first wire only.
    pub claim: Option<Secret>,
    /// Proof that the host knows the secret.
    pub proof: [u8; 32],
}

/// Whether the host may hold the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It may.
    Welcome {
        /// Proof that the runner knows the secret.
        proof: [u8; 32],
    },
    /// It may not.
    Refused(Refusal),
}

/// Why a wire was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// Another wire with this token or a newer one came before.
    #[error("hold the wire: lease {last} came before; the run belongs to another host")]
    StaleToken {
        /// The token of the last wire.
        last: WireToken,
    },
    /// The proof is wrong.
    #[error("hold the wire: the proof is wrong; the container was launched with another wire key")]
    BadProof,
    /// Nobody claimed the container, and this is not the way to claim it.
    #[error("hold the wire: the container was never claimed; remove it and launch anew")]
    Unclaimed,
    /// The container was claimed before.
    #[error("hold the wire: the container was claimed before; open the wire with its secret")]
    Claimed,
}

/// Why a handshake failed.
#[derive(Debug, thiserror::Error)]
pub enum HelloError {
    /// The wire failed or carried something else.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// It is not a runner at the other end.
    #[error("greet the runner: what answers is no runner; check the image")]
    NotARunner,
    /// The runner speaks another version.
    #[error(
        "greet the runner: it speaks protocol {found}, this host {PROTOCOL}; rebuild the runner image"
    )]
    Version {
        /// The runner's version.
        found: u16,
    },
    /// The runner did not answer in time.
    #[error("greet the runner: no answer within {} s; look at the container", HELLO_LIMIT.as_secs())]
    TimedOut,
    /// The runner refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The runner does not know the secret.
    #[error("greet the runner: it could not prove itself; remove the container")]
    FalseRunner,
    /// The system has no randomness.
    #[error("make a nonce: {0}")]
    Random(String),
}

/// 32 random bytes from the system.
pub fn random() -> Result<[u8; 32], HelloError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|e| HelloError::Random(e.to_string()))?;
    Ok(bytes)
}

/// Which end a proof is for, so that one cannot be sent back as the other.
#[derive(Clone, Copy)]
enum End {
    Host,
    Runner,
}

fn mac(
    secret: &Secret,
    end: End,
    runner: &[u8; 32],
    host: &[u8; 32],
    token: WireToken,
) -> Hmac<Sha256> {
    let mut mac = Hmac::new_from_slice(&secret.0).expect("HMAC takes keys of any length");
    mac.update(match end {
        End::Host => b"sortie wire: host",
        End::Runner => b"sortie wire: runr",
    });
    mac.update(&PROTOCOL.to_le_bytes());
    mac.update(runner);
    mac.update(host);
    mac.update(&token.lease.to_le_bytes());
    mac.update(&token.epoch.to_le_bytes());
    mac
}

impl Hello {
    /// The host's answer to a greeting.
    pub fn new(
        greeting: &Greeting,
        token: WireToken,
        secret: &Secret,
        claim: bool,
    ) -> Result<Self, HelloError> {
        let nonce = random()?;
        Ok(Self {
            token,
            nonce,
            claim: claim.then(|| secret.clone()),
            proof: mac(secret, End::Host, &greeting.nonce, &nonce, token)
                .finalize()
                .into_bytes()
                .into(),
        })
    }

    /// The runner's judgement: the proof first, so that a stranger learns
    /// nothing else, then the token.
    pub fn judge(
        &self,
        greeting: &Greeting,
        secret: &Secret,
        last: Option<WireToken>,
    ) -> Result<[u8; 32], Refusal> {
        mac(secret, End::Host, &greeting.nonce, &self.nonce, self.token)
            .verify_slice(&self.proof)
            .map_err(|_| Refusal::BadProof)?;
        match last {
            Some(last) if self.token <= last => Err(Refusal::StaleToken { last }),
            _ => Ok(mac(
                secret,
                End::Runner,
                &greeting.nonce,
                &self.nonce,
                self.token,
            )
            .finalize()
            .into_bytes()
            .into()),
        }
    }

    fn check_welcome(
        &self,
        greeting: &Greeting,
        secret: &Secret,
        proof: &[u8; 32],
    ) -> Result<(), HelloError> {
        mac(
            secret,
            End::Runner,
            &greeting.nonce,
            &self.nonce,
            self.token,
        )
        .verify_slice(proof)
        .map_err(|_| HelloError::FalseRunner)
    }
}

/// How a host opens the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// The container's first wire: the runner learns the secret.
    Claim,
    /// A later one: the secret is proven.
    Resume,
}

/// The host's side of the handshake. A host that resumes under the lease that
/// opened the last wire takes the next epoch. Returns the token it now holds.
pub async fn greet_runner<T>(
    io: &mut T,
    lease: u64,
    secret: &Secret,
    opening: Opening,
) -> Result<WireToken, HelloError>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let greeting = bounded(read_greeting(io)).await?;
    let token = match greeting.last {
        Some(last) if last.lease == lease => WireToken {
            lease,
            epoch: last.epoch.saturating_add(1),
        },
        _ => WireToken { lease, epoch: 0 },
    };
    let hello = Hello::new(&greeting, token, secret, opening == Opening::Claim)?;
    let verdict = bounded(async {
        write_frame(io, &hello, HELLO_MAX_BYTES).await?;
        Ok(expect_frame(io, HELLO_MAX_BYTES).await?)
    })
    .await?;
    match verdict {
        Verdict::Welcome { proof } => hello.check_welcome(&greeting, secret, &proof)?,
        Verdict::Refused(refusal) => return Err(refusal.into()),
    }
    Ok(token)
}

/// The runner's first word.
pub async fn write_greeting<W>(io: &mut W, greeting: &Greeting) -> Result<(), HelloError>
where
    W: AsyncWrite + Unpin,
{
    let mut bytes = MAGIC.to_vec();
    bytes.extend(PROTOCOL.to_le_bytes());
    bytes.extend(crate::codec::encode(greeting, HELLO_MAX_BYTES)?);
    bounded(async {
        io.write_all(&bytes).await.map_err(FrameError::Io)?;
        Ok(io.flush().await.map_err(FrameError::Io)?)
    })
    .await
}

/// Reads the host's answer to a greeting.
pub async fn read_hello<R>(io: &mut R) -> Result<Hello, HelloError>
where
    R: AsyncRead + Unpin,
{
    bounded(async { Ok(expect_frame(io, HELLO_MAX_BYTES).await?) }).await
}

/// Writes the runner's verdict.
pub async fn write_verdict<W>(io: &mut W, verdict: &Verdict) -> Result<(), HelloError>
where
    W: AsyncWrite + Unpin,
{
    bounded(async { Ok(write_frame(io, verdict, HELLO_MAX_BYTES).await?) }).await
}

async fn read_greeting<R>(io: &mut R) -> Result<Greeting, HelloError>
where
    R: AsyncRead + Unpin,
{
    let mut preamble = [0; 10];
    io.read_exact(&mut preamble)
        .await
        .map_err(|e| match e.kind() {
            std::io::ErrorKind::UnexpectedEof => FrameError::Ended,
            _ => FrameError::Io(e),
        })?;
    if preamble[..8] != MAGIC {
        return Err(HelloError::NotARunner);
    }
    let found = u16::from_le_bytes([preamble[8], preamble[9]]);
    if found != PROTOCOL {
        return Err(HelloError::Version { found });
    }
    Ok(expect_frame(io, HELLO_MAX_BYTES).await?)
}

async fn bounded<T>(step: impl Future<Output = Result<T, HelloError>>) -> Result<T, HelloError> {
    tokio::time::timeout(HELLO_LIMIT, step)
        .await
        .unwrap_or(Err(HelloError::TimedOut))
}
