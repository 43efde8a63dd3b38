//! HTTP/1.1 by hand over one kept connection: the load must cost less than what it measures.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection to a server; one exchange at a time.
pub(super) struct Connection {
    stream: TcpStream,
    buf: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buf: Vec::with_capacity(4096) })
    }

    /// Sends a whole request; answers the status. The body is read and kept until the next exchange.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request).await?;
        self.buf.clear();
        loop {
            if self.stream.read_buf(&mut self.buf).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some(head) = head_len(&self.buf) else { continue };
            let length = content_length(&self.buf[..head]).unwrap_or(0);
            while self.buf.len() < head + length {
                if self.stream.read_buf(&mut self.buf).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            return status(&self.buf).ok_or_else(|| io::Error::other("no status line"));
        }
    }

    fn body(&self) -> &[u8] {
        &self.buf[head_len(&self.buf).unwrap_or(self.buf.len())..]
    }
}

/// One GET on a connection of its own: status and body.
pub(super) async fn get(address: &str, path: &str) -> io::Result<(u16, String)> {
    get_with(address, path, "accept: */*").await
}

/// The same with one more header.
pub(super) async fn get_with(address: &str, path: &str, header: &str) -> io::Result<(u16, String)> {
    let mut connection = Connection::open(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{header}\r\n\r\n");
    let exchange = connection.exchange(request.as_bytes());
    let status = tokio::time::timeout(Duration::from_secs(10), exchange).await??;
    Ok((status, String::from_utf8_lossy(connection.body()).into_owned()))
}

/// Bytes of the head, with the empty line. `None` while it is not whole.
pub(super) fn head_len(buf: &[u8]) -> Option<usize> {
    buf.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4)
}

fn status(buf: &[u8]) -> Option<u16> {
    str::from_utf8(buf.get(9..12)?).ok()?.parse().ok()
}

/// The body's length as the head says.
pub(super) fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let at = head.windows(NAME.len()).position(|w| w.eq_ignore_ascii_case(NAME))? + NAME.len();
    let digits = head[at..].iter().skip_while(|b| **b == b' ').take_while(|b| b.is_ascii_digit());
    Some(digits.fold(0, |n, b| n * 10 + usize::from(b - b'0')))
}

/// The sum of a metric over all its labels; 0 where it is not there.
pub(super) async fn metric(address: &str, name: &str) -> io::Result<f64> {
    let (_, text) = get(address, "/metrics").await?;
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        rest.starts_with(['{', ' ']).then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
    });
    Ok(values.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let answer = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length:  12\r\nx: y\r\n\r\nabc";
        assert_eq!(status(answer), Some(503));
        assert_eq!(head_len(answer), Some(answer.len() - 3));
        assert_eq!(content_length(answer), Some(12));
        assert_eq!(head_len(&answer[..20]), None);
    }
}
