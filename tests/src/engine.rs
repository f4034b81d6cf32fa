//! A way to the real container engine that a test can cut and mend.

use anyhow::Result;
use std::sync::Arc;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// The socket of this machine's engine.
pub fn engine_socket() -> String {
    std::env::var("DOCKER_HOST")
        .ok()
        .and_then(|host| host.strip_prefix("unix://").map(str::to_owned))
        .unwrap_or_else(|| "/var/run/docker.sock".to_owned())
}

/// Passes connections on to the engine's socket, until it is cut: then every
/// connection breaks, and new ones are dropped as soon as they are made.
pub struct EngineLine {
    port: u16,
    open: Arc<watch::Sender<bool>>,
    turned_away: watch::Receiver<u32>,
    accepting: tokio::task::JoinHandle<()>,
}

impl EngineLine {
    /// A line to the engine of this machine.
    pub async fn open() -> Result<Self> {
        let socket = engine_socket();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let open = Arc::new(watch::Sender::new(true));
        let (count, turned_away) = watch::channel(0);
        let accepting = tokio::spawn({
            let open = open.clone();
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    if *open.borrow() {
                        tokio::spawn(pass_on(client, socket.clone(), open.subscribe()));
                    } else {
                        count.send_modify(|n| *n += 1);
                    }
                }
            }
        });
        Ok(Self {
            port,
            open,
            turned_away,
            accepting,
        })
    }

    /// The endpoint to configure.
    pub fn endpoint(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port)
    }

    /// Breaks every connection and makes no more.
    pub fn cut(&self) {
        self.open.send_replace(false);
    }

    /// Waits until somebody was turned away since the line was cut.
    pub async fn missed(&mut self) -> Result<()> {
        tokio::time::timeout(crate::PATIENCE, self.turned_away.changed()).await??;
        Ok(())
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.open.send_replace(true);
    }
}

impl Drop for EngineLine {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass_on(mut client: TcpStream, socket: String, mut open: watch::Receiver<bool>) {
    let Ok(mut engine) = UnixStream::connect(socket).await else {
        return;
    };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut engine) => {}
        _ = open.wait_for(|open| !open) => {}
    }
}
