//! A line between bots and a shop that fails as the test wants: it answers instead, loses an answer, or is
//! silent.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// What becomes of a request.
#[derive(Clone, Copy)]
pub(crate) enum Fate {
    /// It reaches the shop, and the answer comes back.
    Pass,
    /// It reaches the shop, and the connection ends before the answer.
    AnswerLost,
    /// The shop never gets it; this is the answer.
    Instead(&'static str),
    /// The shop never gets it, and no answer comes.
    Silence,
}

/// Listens until the test ends.
pub(crate) struct Proxy {
    pub(crate) url: String,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<String>>,
    more: Condvar,
}

impl Proxy {
    /// A line to the shop at `url`. `fate` gets each request and how many before it had the same method and
    /// path up to the first id.
    pub(crate) fn start(url: &str, fate: impl Fn(&str, usize) -> Fate + Send + Sync + 'static) -> Self {
        let shop = url.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Seen::default());
        let counts = Arc::new(Mutex::new(HashMap::new()));
        let (fate, all) = (Arc::new(fate), Arc::clone(&seen));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (fate, counts, seen, shop) =
                    (Arc::clone(&fate), Arc::clone(&counts), Arc::clone(&all), shop.clone());
                std::thread::spawn(move || {
                    let fate = |request: &str| {
                        let kind: String = request.chars().take("GET /api/v1/events/".len()).collect();
                        let mut counts = counts.lock().unwrap();
                        let before = counts.entry(kind).or_insert(0);
                        *before += 1;
                        fate(request, *before - 1)
                    };
                    serve(client.unwrap(), &shop, &seen, fate)
                });
            }
        });
        Self { url, seen }
    }

    /// The requests that began so, as they were sent.
    pub(crate) fn requests(&self, beginning: &str) -> Vec<String> {
        let requests = self.seen.requests.lock().unwrap();
        requests.iter().filter(|request| request.starts_with(beginning)).cloned().collect()
    }

    /// Waits for a request that begins so.
    pub(crate) fn wait_for(&self, beginning: &str) {
        let requests = self.seen.requests.lock().unwrap();
        let none = |requests: &mut Vec<String>| !requests.iter().any(|one| one.starts_with(beginning));
        drop(self.seen.more.wait_while(requests, none).unwrap());
    }
}

fn serve(mut client: TcpStream, shop: &str, seen: &Seen, fate: impl Fn(&str) -> Fate) {
    let mut upstream = TcpStream::connect(shop).unwrap();
    while let Some(request) = message(&mut client) {
        seen.requests.lock().unwrap().push(request.clone());
        seen.more.notify_all();
        let answer = match fate(&request) {
            Fate::Instead(answer) => answer.to_owned(),
            Fate::Silence => return std::thread::park(),
            passed => {
                upstream.write_all(request.as_bytes()).unwrap();
                let Some(answer) = message(&mut upstream) else { return };
                match passed {
                    Fate::Pass => answer,
                    _ => return,
                }
            }
        };
        if client.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// A request or an answer, with the body that its head declares; `None` at the end.
fn message(from: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    let mut byte = [0; 1];
    while !text.ends_with(b"\r\n\r\n") {
        match from.read(&mut byte) {
            Ok(1) => text.push(byte[0]),
            _ => return None,
        }
    }
    let head = String::from_utf8(text.clone()).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
    from.read_exact(&mut body).ok()?;
    text.extend(body);
    Some(String::from_utf8(text).unwrap())
}
