//! Who holds the wire. One session at a time; a newer token takes over.
//!
//! The first wire is the container's own standard input and output, which
//! nobody inside shares: there, and only there, the secret is learned. Later
//! ones come through a socket that the agent could reach as well, so they must
//! come from a process that the engine put in from outside (the kernel says
//! so) and prove that they know the secret.

use crate::bridge::SOCKET;
use crate::daemon::Runner;
use crate::limits::HANDSHAKES_MAX;
use crate::{serve, stdio, strays};
use sortie_wire::hello::{
    Greeting, HelloError, Refusal, Secret, Verdict, WireToken, random, read_hello, write_greeting,
    write_verdict,
};
use sortie_wire::session::{Session, Side};
use std::cell::{Cell, RefCell};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener as StdListener};
use std::rc::Rc;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};

/// The wire's owner.
pub struct Wires {
    current: watch::Sender<Option<Session>>,
    last: Cell<Option<WireToken>>,
    secret: RefCell<Option<Secret>>,
    bridge: Cell<Option<i32>>,
}

impl Wires {
    pub fn new() -> Self {
        Self {
            current: watch::Sender::new(None),
            last: Cell::new(None),
            secret: RefCell::new(None),
            bridge: Cell::new(None),
        }
    }

    /// The session, as it comes and goes.
    pub fn watch(&self) -> watch::Receiver<Option<Session>> {
        self.current.subscribe()
    }

    /// The process that carries the wire, if one does; it is not a stray.
    pub fn bridge(&self) -> Option<i32> {
        self.bridge.get()
    }

    /// Takes over for a token that was judged good.
    fn attach<T>(&self, runner: &Rc<Runner>, io: T, token: WireToken, bridge: Option<i32>)
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        if self.last.get() != Some(token) {
            // A newer one was judged good while this one was being told.
            return;
        }
        let (session, incoming) = Session::start(io, Side::Runner);
        self.bridge.set(bridge);
        if let Some(older) = self.current.send_replace(Some(session.clone())) {
            older.close();
        }
        let runner = runner.clone();
        tokio::task::spawn_local(async move {
            serve::session(&runner, &session, incoming).await;
            let wires = &runner.wires;
            if wires.last.get() == Some(token) {
                wires.current.send_replace(None);
                wires.bridge.set(None);
            }
        });
    }
}

/// Opens the wire on standard input and output. An error means that nobody
/// claimed the container, which is then of no use.
pub async fn first(runner: &Rc<Runner>) -> Result<(), HelloError> {
    let (input, output) = stdio::take().map_err(sortie_wire::codec::FrameError::Io)?;
    let mut io = tokio::io::join(input, output);
    let greeting = Greeting {
        nonce: random()?,
        last: None,
    };
    write_greeting(&mut io, &greeting).await?;
    let mut hello = read_hello(&mut io).await?;
    let judged = match hello.claim.take() {
        Some(secret) => hello
            .judge(&greeting, &secret, None)
            .map(|proof| (secret, proof)),
        None => Err(Refusal::Unclaimed),
    };
    match judged {
        Ok((secret, proof)) => {
            let wires = &runner.wires;
            wires.secret.replace(Some(secret));
            wires.last.set(Some(hello.token));
            write_verdict(&mut io, &Verdict::Welcome { proof }).await?;
            wires.attach(runner, io, hello.token, None);
            Ok(())
        }
        Err(refusal) => {
            write_verdict(&mut io, &Verdict::Refused(refusal)).await?;
            Err(refusal.into())
        }
    }
}

/// Begins to listen for later wires.
pub fn listen() -> io::Result<UnixListener> {
    let listener = StdListener::bind_addr(&SocketAddr::from_abstract_name(SOCKET)?)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// Serves later wires for as long as the container lives.
pub async fn later(runner: Rc<Runner>, listener: UnixListener) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, say; some will be closed.
            tokio::time::sleep(crate::limits::WATCH_INTERVAL).await;
            continue;
        };
        let Some(bridge) = from_outside(&stream) else {
            continue;
        };
        let Ok(permit) = handshakes.clone().try_acquire_owned() else {
            continue;
        };
        let runner = runner.clone();
        tokio::task::spawn_local(async move {
            // A failed handshake is the other end's concern; it was told.
            let _ = take_over(&runner, stream, bridge).await;
            drop(permit);
        });
    }
}

/// The id of the process at the other end, if the engine put it in.
fn from_outside(stream: &UnixStream) -> Option<i32> {
    let pid = stream.peer_cred().ok()?.pid()?;
    (strays::parent_of(pid)? == 0).then_some(pid)
}

async fn take_over(runner: &Rc<Runner>, mut io: UnixStream, bridge: i32) -> Result<(), HelloError> {
    let wires = &runner.wires;
    let greeting = Greeting {
        nonce: random()?,
        last: wires.last.get(),
    };
    write_greeting(&mut io, &greeting).await?;
    let hello = read_hello(&mut io).await?;
    let secret = wires.secret.borrow().clone();
    let judged = match secret {
        _ if hello.claim.is_some() => Err(Refusal::Claimed),
        None => Err(Refusal::Unclaimed),
        Some(secret) => hello.judge(&greeting, &secret, wires.last.get()),
    };
    match judged {
        Ok(proof) => {
            // From here on no older token is good, whatever becomes of this wire.
            wires.last.set(Some(hello.token));
            write_verdict(&mut io, &Verdict::Welcome { proof }).await?;
            wires.attach(runner, io, hello.token, Some(bridge));
            Ok(())
        }
        Err(refusal) => {
            write_verdict(&mut io, &Verdict::Refused(refusal)).await?;
            Err(refusal.into())
        }
    }
}
