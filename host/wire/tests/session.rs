//! Many streams over one byte stream, also with a peer that means ill.

use sortie_wire::limits::{INCOMING_MAX, OPENED_MAX};
use sortie_wire::session::{Incoming, Session, Side};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::UnixStream;

/// Whatever happens, a test must not hang.
async fn bounded<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), test)
        .await
        .expect("the session makes progress")
}

fn pair() -> (Session, Incoming, Session, Incoming) {
    let (near, far) = UnixStream::pair().unwrap();
    let (host, from_runner) = Session::start(near, Side::Host);
    let (runner, from_host) = Session::start(far, Side::Runner);
    (host, from_runner, runner, from_host)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_halves_of_a_stream_may_be_used_by_different_tasks() {
    bounded(async {
        const SIZE: usize = 32 << 20;
        let (host, _a, _runner, mut from_host) = pair();
        for _ in 0..4 {
            let echo = async {
                let stream = from_host.next().await.unwrap();
                let (mut reader, mut writer) = tokio::io::split(stream);
                let echo = tokio::spawn(async move {
                    tokio::io::copy(&mut reader, &mut writer).await.unwrap();
                    writer.shutdown().await.unwrap();
                });
                (echo,)
            };
            let open = async {
                let mut stream = host.open().await.unwrap();
                stream.write_all(b"first").await.unwrap();
                stream
            };
            let ((echo,), stream) = tokio::join!(echo, open);
            let (mut reader, mut writer) = tokio::io::split(stream);
            let writing = tokio::spawn(async move {
                let chunk = vec![5; 100_000];
                let mut left = SIZE;
                while left > 0 {
                    let n = left.min(chunk.len());
                    writer.write_all(&chunk[..n]).await.unwrap();
                    left -= n;
                }
                writer.shutdown().await.unwrap();
            });
            let reading = tokio::spawn(async move {
                tokio::io::copy(&mut reader, &mut tokio::io::sink())
                    .await
                    .unwrap()
            });
            assert_eq!(reading.await.unwrap(), SIZE as u64 + 5);
            writing.await.unwrap();
            echo.await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn both_ends_open_streams_and_do_not_mix_them() {
    bounded(async {
        let (host, mut from_runner, runner, mut from_host) = pair();
        let mut streams = Vec::new();
        for n in 0..20u8 {
            let opener = if n % 2 == 0 { &host } else { &runner };
            let incoming = if n % 2 == 0 {
                &mut from_host
            } else {
                &mut from_runner
            };
            let mut near = opener.open().await.unwrap();
            near.write_u8(n).await.unwrap();
            near.flush().await.unwrap();
            streams.push((n, near, incoming.next().await.unwrap()));
        }
        for (n, near, far) in &mut streams {
            assert_eq!(far.read_u8().await.unwrap(), *n);
            far.write_u8(*n).await.unwrap();
            far.flush().await.unwrap();
            assert_eq!(near.read_u8().await.unwrap(), *n);
        }
    })
    .await;
}

#[tokio::test]
async fn a_closed_session_ends_its_streams_on_both_ends() {
    bounded(async {
        let (host, _a, runner, mut from_host) = pair();
        let mut near = host.open().await.unwrap();
        near.write_all(b"x").await.unwrap();
        let mut far = from_host.next().await.unwrap();
        assert!(!host.is_closed());
        host.close();
        host.closed().await;
        runner.closed().await;
        let mut rest = Vec::new();
        let _ = far.read_to_end(&mut rest).await;
        assert!(near.write_all(&[0; 1 << 20]).await.is_err());
        assert!(host.open().await.is_err() && runner.open().await.is_err());
        assert!(from_host.next().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn the_last_handle_closes_the_session() {
    bounded(async {
        let (host, _a, runner, _b) = pair();
        let other = host.clone();
        drop(host);
        other.open().await.unwrap();
        drop(other);
        runner.closed().await;
    })
    .await;
}

#[tokio::test]
async fn garbage_ends_the_session() {
    bounded(async {
        for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 64], &[0; 64]] {
            let (near, mut far) = duplex(4096);
            let (host, mut incoming) = Session::start(near, Side::Host);
            far.write_all(garbage).await.unwrap();
            far.shutdown().await.unwrap();
            host.closed().await;
            assert!(incoming.next().await.is_none());
        }
    })
    .await;
}

#[tokio::test]
async fn what_overruns_its_window_is_not_kept() {
    bounded(async {
        let (near, mut far) = duplex(1 << 20);
        let (host, mut incoming) = Session::start(near, Side::Host);
        // A stream of the runner's own numbering, then far more than its window allows.
        let header = |kind: u8, flags: u16, length: u32| {
            let mut bytes = vec![0, kind];
            bytes.extend(flags.to_be_bytes());
            bytes.extend(2u32.to_be_bytes());
            bytes.extend(length.to_be_bytes());
            bytes
        };
        far.write_all(&header(1, 1, 0)).await.unwrap();
        let mut stream = incoming.next().await.unwrap();
        for _ in 0..64 {
            far.write_all(&header(0, 0, 65_536)).await.unwrap();
            far.write_all(&[7; 65_536]).await.unwrap();
        }
        drop(far);
        host.closed().await;
        let mut kept = Vec::new();
        let _ = stream.read_to_end(&mut kept).await;
        assert!(kept.len() <= 256 * 1024, "{} bytes kept", kept.len());
    })
    .await;
}

#[tokio::test]
async fn too_many_streams_wait_and_harm_nobody() {
    bounded(async {
        let (host, _a, runner, mut from_host) = pair();
        let taking = tokio::spawn(async move {
            let mut taken = Vec::new();
            while taken.len() < OPENED_MAX {
                taken.push(from_host.next().await.unwrap());
            }
            (taken, from_host)
        });
        let mut opened = Vec::new();
        for _ in 0..OPENED_MAX {
            let mut stream = host.open().await.unwrap();
            stream.write_u8(1).await.unwrap();
            stream.flush().await.unwrap();
            opened.push(stream);
            // Given the chance, the other end takes them as fast as they come.
            tokio::task::yield_now().await;
        }
        let _taken = taking.await.unwrap();
        let mut next = Box::pin(host.open());
        assert!(futures::poll!(&mut next).is_pending());
        opened.pop();
        next.await.unwrap();
        assert!(!host.is_closed() && !runner.is_closed());
    })
    .await;
}

#[tokio::test]
async fn streams_that_nobody_takes_are_bounded() {
    bounded(async {
        let (host, mut from_runner, runner, _b) = pair();
        let mut opened = Vec::new();
        for _ in 0..INCOMING_MAX + 20 {
            let mut stream = runner.open().await.unwrap();
            stream.write_u8(1).await.unwrap();
            stream.flush().await.unwrap();
            opened.push(stream);
        }
        // The first ones wait; the last ones are reset and read as ended.
        let mut last = opened.pop().unwrap();
        assert_eq!(last.read(&mut [0; 1]).await.unwrap_or(0), 0);
        for _ in 0..INCOMING_MAX {
            assert_eq!(
                from_runner.next().await.unwrap().read_u8().await.unwrap(),
                1
            );
        }
        assert!(!host.is_closed() && !runner.is_closed());
    })
    .await;
}
