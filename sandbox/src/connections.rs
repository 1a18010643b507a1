//! Connections: how many there are, how long they may take to say what they want, and how they end. An
//! answer that HTTP forbids, as faults on demand want them, is played on the bare socket.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Sleep;

/// What clients are held to.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// At a time.
    pub(crate) connections: usize,
    /// How long a request's head may take from its first byte on. A connection between requests may be idle for any
    /// time: clients keep theirs, and one that is closed behind their backs fails their next call.
    pub(crate) head_wait: Duration,
}

/// Pause after the system had no socket to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// What an ended connection may still send before it is let go.
const LINGER_BYTES: u64 = 64 * 1024 * 1024;
const LINGER_WAIT: Duration = Duration::from_secs(2);

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As if the server were done.
    Close,
    /// As if the server, or something on the way, had died.
    Reset,
}

/// What is sent in the place of a proper answer, and how the connection ends then.
pub(crate) struct Performance {
    pub(crate) head: Vec<u8>,
    pub(crate) body: Bytes,
    pub(crate) end: End,
}

/// The connection that a request came on; it is among the extensions of the request.
#[derive(Clone)]
pub(crate) struct ConnectionHandle {
    pub(crate) peer: SocketAddr,
    performances: mpsc::UnboundedSender<Performance>,
    busy: Arc<AtomicBool>,
}

impl ConnectionHandle {
    /// Takes the connection away from HTTP. Never returns: nothing is left to answer on.
    pub(crate) async fn perform(&self, performance: Performance) -> std::convert::Infallible {
        let _ = self.performances.send(performance);
        std::future::pending().await
    }

    /// From when the head of a request is there until the answer is out.
    pub(crate) fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::Relaxed);
    }
}

/// Serves until told to stop, and then until every answer that was begun is out.
pub(crate) async fn serve(listener: TcpListener, router: Router, limits: Limits, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            () = told_to_stop(&mut stop) => break,
        };
        match accepted {
            Ok((stream, peer)) if connections.len() < limits.connections => {
                // Answers are small and waited for.
                let _ = stream.set_nodelay(true);
                connections.spawn(connection(stream, peer, router.clone(), limits.head_wait, stop.clone()));
            }
            Ok((stream, _)) => {
                let answer = plain_answer("503 Service Unavailable", "Too many connections.");
                // Not counted among the connections, and not waited for.
                tokio::spawn(perform(stream, answer));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    // An error says that whoever could tell is gone.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, head_wait: Duration, mut stop: watch::Receiver<bool>) {
    let (performances, mut asked) = mpsc::unbounded_channel();
    let handle = ConnectionHandle {
        peer,
        performances,
        busy: Arc::default(),
    };
    let socket = Socket {
        stream,
        busy: handle.busy.clone(),
        head_wait,
        head_deadline: Some(Box::pin(tokio::time::sleep(head_wait))),
        too_slow: false,
    };
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        handle.set_busy(true);
        request.extensions_mut().insert(handle.clone());
        router.call(request.map(Body::new))
    });
    let mut http = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
    let performance = tokio::select! {
        biased;
        Some(performance) = asked.recv() => Some(performance),
        _ = Pin::new(&mut http) => None,
        () = told_to_stop(&mut stop) => {
            Pin::new(&mut http).graceful_shutdown();
            tokio::select! {
                biased;
                Some(performance) = asked.recv() => Some(performance),
                _ = Pin::new(&mut http) => None,
            }
        }
    };
    let socket = http.into_parts().io.into_inner();
    match performance {
        Some(performance) => perform(socket.stream, performance).await,
        None if socket.too_slow => perform(socket.stream, plain_answer("408 Request Timeout", "The request took too long.")).await,
        None => {}
    }
}

fn plain_answer(status: &str, text: &'static str) -> Performance {
    let length = text.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    Performance {
        head: head.into_bytes(),
        body: Bytes::from_static(text.as_bytes()),
        end: End::Close,
    }
}

async fn perform(mut stream: TcpStream, performance: Performance) {
    // Who has gone away in the meantime misses nothing.
    let _ = stream.write_all(&performance.head).await;
    let _ = stream.write_all(&performance.body).await;
    match performance.end {
        End::Reset => {
            let _ = stream.set_zero_linger();
        }
        End::Close => {
            // Closed with bytes unread, the system would send a reset, which can overtake what was written.
            let _ = stream.shutdown().await;
            let mut rest = stream.take(LINGER_BYTES);
            let _ = tokio::time::timeout(LINGER_WAIT, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
        }
    }
}

/// A socket that does not wait for ever for the head of a request.
struct Socket {
    stream: TcpStream,
    busy: Arc<AtomicBool>,
    head_wait: Duration,
    /// Running from the first byte of a head to its last, and before the first request of all.
    head_deadline: Option<Pin<Box<Sleep>>>,
    too_slow: bool,
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let busy = self.busy.load(Ordering::Relaxed);
        if busy {
            self.head_deadline = None;
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if polled.is_ready() {
            if !busy && self.head_deadline.is_none() && buffer.filled().len() > before {
                self.head_deadline = Some(Box::pin(tokio::time::sleep(self.head_wait)));
            }
            return polled;
        }
        let over = self
            .head_deadline
            .as_mut()
            .is_some_and(|deadline| deadline.as_mut().poll(context).is_ready());
        if over {
            self.too_slow = true;
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.too_slow {
            // There is something to be said yet.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
