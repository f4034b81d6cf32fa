//! The container's two services on its loopback interface. Each connection
//! becomes a stream on the wire; while no wire is attached, connections wait
//! for one instead of failing.

use crate::limits::{CONNECTIONS_MAX, HOLD_LIMIT};
use sortie_wire::codec::write_frame;
use sortie_wire::limits::RUNNER_OPEN_MAX_BYTES;
use sortie_wire::message::Open;
use sortie_wire::session::Session;
use sortie_wire::stream::StreamIo;
use std::io;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

pub async fn bind(address: &str) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves for as long as the container lives. Connections beyond the limit
/// wait in the listener's queue.
pub async fn serve(wire: watch::Receiver<Option<Session>>, listener: TcpListener, purpose: Open) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let Ok((connection, _)) = listener.accept().await else {
            tokio::time::sleep(crate::limits::WATCH_INTERVAL).await;
            continue;
        };
        let (wire, purpose) = (wire.clone(), purpose.clone());
        tokio::task::spawn_local(async move {
            carry(wire, connection, &purpose).await;
            drop(place);
        });
    }
}

async fn carry(wire: watch::Receiver<Option<Session>>, mut connection: TcpStream, purpose: &Open) {
    // Small requests must not wait for the acknowledgement of the last one.
    let _ = connection.set_nodelay(true);
    let opened = tokio::time::timeout(HOLD_LIMIT, open(wire, purpose)).await;
    if let Ok(Some(mut stream)) = opened {
        // Either end may break off; there is nobody to tell but the other.
        let _ = tokio::io::copy_bidirectional(&mut connection, &mut stream).await;
    }
}

/// A stream on the session, or on the next one when that ends meanwhile.
async fn open(mut wire: watch::Receiver<Option<Session>>, purpose: &Open) -> Option<StreamIo> {
    loop {
        let session = wire.wait_for(Option::is_some).await.ok()?.clone()?;
        if let Ok(mut stream) = session.open().await
            && write_frame(&mut stream, purpose, RUNNER_OPEN_MAX_BYTES)
                .await
                .is_ok()
        {
            return Some(stream);
        }
        session.closed().await;
        // The session ended; what follows is another one, or none for a while.
        wire.wait_for(|next| next.as_ref().is_none_or(|next| !next.is_closed()))
            .await
            .ok()?;
    }
}
