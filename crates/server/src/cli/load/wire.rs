//! One connection: prepared bytes out, the head of the answer in, the body counted.
//!
//! A generator that takes most of a core measures itself, and with a client library it took half
//! as much again; so this reads no more of HTTP/1.1 than our own service speaks: a status,
//! Content-Length, and whether the connection stays open.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The longest head of an answer.
const HEAD_MAX: usize = 16 * 1024;
/// The largest body that is kept for a look.
pub const KEPT_MAX: usize = 256 * 1024;
/// The longest wait for an answer.
pub const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// The longest wait for a connection.
const CONNECT_WAIT: Duration = Duration::from_secs(2);

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Bytes of the body.
    pub body_bytes: usize,
    /// Bytes of the head before it.
    pub head_bytes: usize,
    /// Whether the other side ends the connection after it.
    pub close: bool,
}

/// A connection to one node.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

struct Head {
    status: u16,
    bytes: usize,
    length: usize,
    close: bool,
}

fn bad(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl Wire {
    /// Connects.
    pub async fn connect(to: SocketAddr) -> io::Result<Wire> {
        let stream = tokio::time::timeout(CONNECT_WAIT, TcpStream::connect(to)).await??;
        stream.set_nodelay(true)?;
        Ok(Wire { stream, read: Vec::with_capacity(4096) })
    }

    /// Sends a request and reads its answer.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.send(request, false).await
    }

    /// The same, and the body with it.
    pub async fn fetch(&mut self, request: &[u8]) -> io::Result<(Answer, Vec<u8>)> {
        let answer = self.send(request, true).await?;
        Ok((answer, std::mem::take(&mut self.read)))
    }

    async fn send(&mut self, request: &[u8], keep: bool) -> io::Result<Answer> {
        self.stream.write_all(request).await?;
        self.read.clear();
        let head = loop {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(head) = parse(&self.read)? {
                break head;
            }
        };
        if keep && head.length > KEPT_MAX {
            return Err(bad("the body is too large to look at"));
        }
        let mut got = self.read.len() - head.bytes;
        self.read.drain(..head.bytes);
        while got < head.length {
            if !keep {
                self.read.clear();
            }
            let n = self.stream.read_buf(&mut self.read).await?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            got += n;
        }
        if got > head.length {
            return Err(bad("more than was announced"));
        }
        Ok(Answer { status: head.status, body_bytes: head.length, head_bytes: head.bytes, close: head.close })
    }
}

/// The head, once it is all there.
fn parse(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let done = response.parse(bytes).map_err(|_| bad("not HTTP"))?;
    let httparse::Status::Complete(length_of_head) = done else {
        return if bytes.len() > HEAD_MAX { Err(bad("the head has no end")) } else { Ok(None) };
    };
    let status = response.code.ok_or_else(|| bad("no status"))?;
    let bodyless = status == 204 || status == 304;
    let mut length = bodyless.then_some(0);
    let mut close = response.version == Some(0);
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(header.value).map_err(|_| bad("content-length"))?;
            length = Some(text.trim().parse().map_err(|_| bad("content-length"))?);
        } else if header.name.eq_ignore_ascii_case("connection") {
            close = header.value.eq_ignore_ascii_case(b"close");
        }
    }
    let length = length.ok_or_else(|| bad("an answer without Content-Length"))?;
    Ok(Some(Head { status, bytes: length_of_head, length, close }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that sends these pieces to whoever asks, then ends.
    async fn server(pieces: &'static [&'static str]) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 1024];
            for piece in pieces {
                if piece.starts_with("HTTP") {
                    assert_ne!(stream.read(&mut asked).await.unwrap(), 0);
                }
                stream.write_all(piece.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        address
    }

    #[tokio::test]
    async fn answers_are_read_however_they_are_cut() {
        let pieces = &[
            "HTTP/1.1 200 OK\r\nContent-Len",
            "gth: 6\r\n\r\nab",
            "cd",
            "ef",
            "HTTP/1.1 503 Busy\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        ];
        let mut wire = Wire::connect(server(pieces).await).await.unwrap();
        let (answer, body) = wire.fetch(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        assert_eq!((answer.status, answer.close, &body[..]), (200, false, &b"abcdef"[..]));
        let answer = wire.exchange(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        assert_eq!(answer, Answer { status: 503, body_bytes: 0, head_bytes: 59, close: true });
        assert!(wire.exchange(b"GET / HTTP/1.1\r\n\r\n").await.is_err(), "it has ended");
    }

    #[tokio::test]
    async fn what_is_no_answer_is_an_error() {
        for pieces in [
            &["HTTP/1.1 200 OK\r\n\r\n"][..],
            &["HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab"][..],
            &["HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab"][..],
            &["HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n"][..],
        ] {
            let mut wire = Wire::connect(server(pieces).await).await.unwrap();
            assert!(wire.exchange(b"GET / HTTP/1.1\r\n\r\n").await.is_err(), "{pieces:?}");
        }
    }
}
