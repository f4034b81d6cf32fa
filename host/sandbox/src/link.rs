//! The wire of one container, from the host's side: the transport, the
//! handshake, the heartbeat and the way to the gateway.

use crate::error::SandboxError;
use crate::gateway::WireGateway;
use crate::limits::{CALL_LIMIT, GATEWAY_MAX, OPEN_LIMIT};
use bollard::container::LogOutput;
use bollard::errors::Error;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde::de::DeserializeOwned;
use sortie_wire::codec::{FrameError, expect_frame, read_frame, write_frame};
use sortie_wire::hello::{Opening, Secret, WireToken, greet_runner};
use sortie_wire::limits::{
    CONTROL_MAX_BYTES, HEARTBEAT, OPEN_MAX_BYTES, REPLY_MAX_BYTES, RUNNER_OPEN_MAX_BYTES,
    SILENCE_LIMIT,
};
use sortie_wire::message::{Control, ControlReply, Open, Reply};
use sortie_wire::session::{Incoming, Session, Side};
use sortie_wire::stream::StreamIo;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::io::StreamReader;
use tokio_util::task::AbortOnDropHandle;

type Log = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;
type Input = Pin<Box<dyn AsyncWrite + Send>>;

/// What the engine gave for a container's, or an exec's, input and output.
pub fn transport(
    output: Log,
    input: Input,
) -> impl AsyncRead + AsyncWrite + Send + Unpin + 'static {
    let bytes = output.filter_map(|item| {
        std::future::ready(match item {
            Ok(LogOutput::StdOut { message }) => Some(Ok(message)),
            Ok(LogOutput::StdErr { message } | LogOutput::Console { message }) => {
                // The runner's own words, when it cannot start. Never more than a line.
                let words =
                    String::from_utf8_lossy(&message[..message.len().min(512)]).into_owned();
                tracing::warn!(runner = %words.trim_end(), "the runner complains");
                None
            }
            Ok(LogOutput::StdIn { .. }) => None,
            Err(e) => Some(Err(io::Error::other(e))),
        })
    });
    let bytes: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>> = Box::pin(bytes);
    tokio::io::join(StreamReader::new(bytes), input)
}

/// An open wire. The tasks behind it end with it.
pub struct Link {
    run: u64,
    token: WireToken,
    session: Session,
    wall: mpsc::Sender<(u64, oneshot::Sender<()>)>,
    _tasks: [AbortOnDropHandle<()>; 2],
}

impl Link {
    /// Shakes hands and begins to serve.
    pub async fn open<T>(
        mut io: T,
        run: u64,
        lease: u64,
        secret: &Secret,
        opening: Opening,
        gateway: Arc<dyn WireGateway>,
    ) -> Result<Self, SandboxError>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let token = greet_runner(&mut io, lease, secret, opening)
            .await
            .map_err(|e| SandboxError::hello(run, e))?;
        let (session, incoming) = Session::start(io, Side::Host);
        let (wall, asked) = mpsc::channel(4);
        let heartbeat = heartbeat(session.clone(), asked);
        let serving = serve(incoming, gateway);
        Ok(Self {
            run,
            token,
            session,
            wall,
            _tasks: [
                AbortOnDropHandle::new(tokio::spawn(heartbeat)),
                AbortOnDropHandle::new(tokio::spawn(serving)),
            ],
        })
    }

    pub fn run(&self) -> u64 {
        self.run
    }

    pub fn token(&self) -> WireToken {
        self.token
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    pub fn lost(&self, reason: &str) -> SandboxError {
        SandboxError::WireLost {
            run: self.run,
            reason: reason.into(),
        }
    }

    /// Opens a stream with its first frame.
    pub async fn stream(&self, open: &Open) -> Result<StreamIo, SandboxError> {
        let mut io = self
            .session
            .open()
            .await
            .map_err(|e| self.lost(&e.to_string()))?;
        write_frame(&mut io, open, OPEN_MAX_BYTES)
            .await
            .map_err(|e| match e {
                // The host's own doing, not the runner's.
                FrameError::TooLarge { size, max } => SandboxError::Options {
                    reason: format!("a request of {size} bytes is larger than {max}"),
                },
                other => SandboxError::frame(self.run, other),
            })?;
        Ok(io)
    }

    /// Reads a reply.
    pub async fn reply<T: DeserializeOwned>(&self, io: &mut StreamIo) -> Result<T, SandboxError> {
        let reply: Reply<T> = expect_frame(io, REPLY_MAX_BYTES)
            .await
            .map_err(|e| SandboxError::frame(self.run, e))?;
        Ok(reply?)
    }

    /// Bounds an exchange; one that takes longer counts as a lost wire.
    pub async fn within<T>(
        &self,
        limit: Duration,
        exchange: impl Future<Output = Result<T, SandboxError>>,
    ) -> Result<T, SandboxError> {
        tokio::time::timeout(limit, exchange)
            .await
            .unwrap_or_else(|_| Err(self.lost("the runner did not answer in time")))
    }

    /// A call with nothing but a reply.
    pub async fn call<T: DeserializeOwned>(
        &self,
        open: &Open,
        limit: Duration,
    ) -> Result<T, SandboxError> {
        self.within(limit, async {
            let mut io = self.stream(open).await?;
            self.reply(&mut io).await
        })
        .await
    }

    /// Sets what is left of the container's wall clock.
    pub async fn set_wall(&self, remaining: Duration) -> Result<(), SandboxError> {
        let remaining_ms = u64::try_from(remaining.as_millis()).unwrap_or(u64::MAX);
        let (done, set) = oneshot::channel();
        self.within(CALL_LIMIT, async {
            self.wall
                .send((remaining_ms, done))
                .await
                .map_err(|_| self.lost("the wire is closed"))?;
            set.await.map_err(|_| self.lost("the wire is closed"))
        })
        .await
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.session.close();
    }
}

/// Keeps the control stream. A runner that stays silent loses its wire.
async fn heartbeat(session: Session, mut wall: mpsc::Receiver<(u64, oneshot::Sender<()>)>) {
    let beat = async {
        let mut io = session.open().await.ok()?;
        write_frame(&mut io, &Open::Control, OPEN_MAX_BYTES)
            .await
            .ok()?;
        let mut number = 0u64;
        loop {
            number += 1;
            exchange(&mut io, Control::Ping(number), ControlReply::Pong(number)).await?;
            let pause = tokio::time::sleep(HEARTBEAT);
            tokio::pin!(pause);
            loop {
                tokio::select! {
                    () = &mut pause => break,
                    asked = wall.recv() => {
                        let (remaining_ms, done) = asked?;
                        exchange(&mut io, Control::SetWall { remaining_ms }, ControlReply::WallSet).await?;
                        // Whoever asked may have given up.
                        let _ = done.send(());
                    }
                }
            }
        }
    };
    let _: Option<()> = beat.await;
    session.close();
}

async fn exchange(io: &mut StreamIo, say: Control, expected: ControlReply) -> Option<()> {
    let answer = async {
        write_frame(io, &say, CONTROL_MAX_BYTES).await.ok()?;
        read_frame(io, CONTROL_MAX_BYTES).await.ok()?
    };
    let answer: Option<ControlReply> = tokio::time::timeout(SILENCE_LIMIT, answer).await.ok()?;
    (answer? == expected).then_some(())
}

/// Takes the runner's streams to the gateway, bounded in number.
async fn serve(mut incoming: Incoming, gateway: Arc<dyn WireGateway>) {
    let places = Arc::new(Semaphore::new(GATEWAY_MAX));
    // Dropped with this task, and every connection with it.
    let mut serving = JoinSet::new();
    loop {
        tokio::select! {
            stream = incoming.next() => {
                let Some(mut stream) = stream else { return };
                // Beyond the limit the stream is dropped, and so reset.
                let Ok(place) = places.clone().try_acquire_owned() else { continue };
                let gateway = gateway.clone();
                serving.spawn(async move {
                    let open = tokio::time::timeout(OPEN_LIMIT, expect_frame(&mut stream, RUNNER_OPEN_MAX_BYTES)).await;
                    match open {
                        Ok(Ok(Open::Llm)) => gateway.llm(Box::new(stream)).await,
                        Ok(Ok(Open::Egress)) => gateway.egress(Box::new(stream)).await,
                        // Nothing else may come from in there.
                        _ => {}
                    }
                    drop(place);
                });
            }
            Some(_) = serving.join_next() => {}
        }
    }
}
