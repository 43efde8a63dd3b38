//! The listener: ordinary TCP, except that a handler may cut its connection the way a failing network does.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use crate::Error;
use crate::world::World;

/// Listens for platform calls.
pub(crate) struct Gate {
    inner: TcpListener,
    addr: SocketAddr,
}

impl Gate {
    pub(crate) async fn bind(addr: SocketAddr) -> Result<Self, Error> {
        let failed = |source| Error::Listen { addr, source };
        let inner = TcpListener::bind(addr).await.map_err(failed)?;
        let addr = inner.local_addr().map_err(failed)?;
        Ok(Self { inner, addr })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Listener for Gate {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        loop {
            match self.inner.accept().await {
                Ok((stream, addr)) => {
                    let _ = stream.set_nodelay(true);
                    return (Line { stream, cut: Cut::default() }, addr);
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.addr)
    }
}

/// A switch that resets the connection instead of answering.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cut(Arc<AtomicBool>);

impl Cut {
    /// From now on the peer sees a reset.
    pub(crate) fn pull(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn pulled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Connected<IncomingStream<'_, Gate>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Gate>) -> Self {
        stream.io().cut.clone()
    }
}

/// One connection.
pub(crate) struct Line {
    stream: TcpStream,
    cut: Cut,
}

impl Line {
    fn check(&self) -> io::Result<()> {
        if self.cut.pulled() {
            // Closing with a zero linger makes the kernel send RST instead of FIN.
            let _ = self.stream.set_zero_linger();
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Serves `router` on `gate` until the sandbox stops; calls that hang then end at once (see [`crate::wire::pause`]).
pub(crate) fn serve(
    gate: Gate,
    router: Router<Arc<World>>,
    world: &Arc<World>,
) -> tokio::task::JoinHandle<()> {
    let service = router.with_state(world.clone()).into_make_service_with_connect_info::<Cut>();
    let shutdown = world.shutdown.clone();
    #[expect(
        clippy::disallowed_methods,
        reason = "the sandbox has no supervisor: its tasks end with its token"
    )]
    tokio::spawn(async move {
        let served = axum::serve(gate, service).with_graceful_shutdown(shutdown.clone().cancelled_owned());
        // Open connections are closed when idle; one that isn't within two seconds is left to its end.
        let patience = async {
            shutdown.cancelled().await;
            tokio::time::sleep(Duration::from_secs(2)).await;
        };
        tokio::select! {
            () = patience => {}
            result = served.into_future() => {
                if let Err(error) = result {
                    tracing::error!(%error, "sandbox listener ended");
                }
            }
        }
    })
}
