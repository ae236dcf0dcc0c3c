//! A server that takes points as InfluxDB does, or fails to in one of the ways that servers fail.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What it does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Takes the points: 204.
    Takes,
    /// Reads, and never answers.
    Hangs,
    /// Answers one byte a second.
    Drips,
    /// Answers with this status.
    Fails(u16),
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) head: String,
    pub(crate) lines: Vec<String>,
    pub(crate) behaviour: Behaviour,
}

/// The running server; it ends with the test's runtime.
pub(crate) struct FakeInflux {
    pub(crate) address: SocketAddr,
    behaviour: Arc<Mutex<Behaviour>>,
    writes: Arc<Mutex<Vec<Write>>>,
}

impl FakeInflux {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        Self::start_with(behaviour, true).await
    }

    /// One that keeps nothing of what it gets.
    #[allow(dead_code, reason = "only the benchmark forgets")]
    pub(crate) async fn forgetful(behaviour: Behaviour) -> Self {
        Self::start_with(behaviour, false).await
    }

    async fn start_with(behaviour: Behaviour, keeps: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (behaviour, writes) = (Arc::new(Mutex::new(behaviour)), Arc::<Mutex<Vec<Write>>>::default());
        let (how, log) = (Arc::clone(&behaviour), Arc::clone(&writes));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let log = keeps.then(|| Arc::clone(&log));
                tokio::spawn(serve(stream, Arc::clone(&how), log));
            }
        });
        Self { address, behaviour, writes }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn now(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }

    pub(crate) fn writes(&self) -> Vec<Write> {
        self.writes.lock().unwrap().clone()
    }

    /// Lines of the requests that were answered with 204.
    pub(crate) fn taken(&self) -> Vec<String> {
        let writes = self.writes();
        let taken = writes.into_iter().filter(|write| write.behaviour == Behaviour::Takes);
        taken.flat_map(|write| write.lines).collect()
    }

    /// Waits until so many lines are taken.
    pub(crate) async fn until_taken(&self, count: usize) -> Vec<String> {
        let taken = async {
            loop {
                let taken = self.taken();
                if taken.len() >= count {
                    return taken;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let late = tokio::time::timeout(Duration::from_secs(20), taken).await;
        late.unwrap_or_else(|_| panic!("only {} of {count} points came", self.taken().len()))
    }
}

async fn serve(mut stream: TcpStream, behaviour: Arc<Mutex<Behaviour>>, log: Option<Arc<Mutex<Vec<Write>>>>) {
    let mut bytes = Vec::new();
    while let Some((head, body)) = read_request(&mut stream, &mut bytes).await {
        let behaviour = *behaviour.lock().unwrap();
        if let Some(log) = &log {
            let lines = body.lines().map(str::to_owned).collect();
            log.lock().unwrap().push(Write { head, lines, behaviour });
        }
        let answer = match behaviour {
            Behaviour::Takes => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
            Behaviour::Hangs => return std::future::pending().await,
            Behaviour::Drips => return drip(stream).await,
            Behaviour::Fails(status) => format!("HTTP/1.1 {status} X\r\nContent-Length: 4\r\n\r\nsick"),
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn drip(mut stream: TcpStream) {
    for byte in b"HTTP/1.1 204 No Content\r\n\r\n" {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if stream.write_all(&[*byte]).await.is_err() {
            return;
        }
    }
}

/// The head and the body of the next request, which has a length or is chunked.
async fn read_request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<(String, String)> {
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        more(stream, bytes).await?;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
    });
    let length = length.expect("a body has its length");
    while bytes.len() < end + length {
        more(stream, bytes).await?;
    }
    let body = String::from_utf8_lossy(&bytes[end..end + length]).into_owned();
    bytes.drain(..end + length);
    Some((head, body))
}

async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 16_384];
    match stream.read(&mut chunk).await {
        Ok(length @ 1..) => {
            bytes.extend_from_slice(&chunk[..length]);
            Some(())
        }
        _ => None,
    }
}
