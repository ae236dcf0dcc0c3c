//! A headless Chromium, driven by its DevTools protocol: as much of it as looking at a page takes.

use std::path::Path;
use std::process::{Command, Stdio};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::{Running, until};

/// A page that is open in a browser of its own.
pub(crate) struct Page {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    last_id: u64,
    /// What the page has said on its console, and errors that it did not catch.
    pub(crate) complaints: Vec<Value>,
    _browser: Running,
}

impl Page {
    /// Opens `url` in a new browser that keeps its files in `folder`.
    pub(crate) async fn open(url: &str, folder: &Path) -> Self {
        let program = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| {
            Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
        });
        let child = Command::new(program.expect("chromium is needed: `make test-live` gets it"))
            .args(["--headless=new", "--no-sandbox", "--remote-debugging-port=0", "--window-size=1280,900"])
            .args(["--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "about:blank"])
            .arg(format!("--user-data-dir={}", folder.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let browser = Running(child);
        let port = until("the browser does not start", async || {
            let text = std::fs::read_to_string(folder.join("DevToolsActivePort")).ok()?;
            text.lines().next().map(str::to_owned)
        })
        .await;
        let targets = until("the browser has no page", async || {
            let list = reqwest::get(format!("http://127.0.0.1:{port}/json/list")).await.ok()?;
            let targets: Vec<Value> = list.json().await.ok()?;
            targets.into_iter().find(|target| target["type"] == "page")
        })
        .await;
        let (socket, _) = connect_async(targets["webSocketDebuggerUrl"].as_str().unwrap()).await.unwrap();
        let mut page = Self { socket, last_id: 0, complaints: Vec::new(), _browser: browser };
        for domain in ["Runtime.enable", "Log.enable", "Page.enable"] {
            page.call(domain, json!({})).await;
        }
        page.call("Page.navigate", json!({"url": url})).await;
        page
    }

    /// Calls a method of the protocol and returns its result.
    pub(crate) async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last_id += 1;
        let request = json!({"id": self.last_id, "method": method, "params": parameters});
        self.socket.send(Message::text(request.to_string())).await.unwrap();
        loop {
            let message = self.socket.next().await.expect("the browser has gone").unwrap();
            let Message::Text(text) = message else { continue };
            let mut message: Value = serde_json::from_str(&text).unwrap();
            if message["id"] == self.last_id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
            let is_complaint = match message["method"].as_str() {
                Some("Runtime.exceptionThrown") => true,
                Some("Log.entryAdded") => message["params"]["entry"]["level"] == "error",
                Some("Runtime.consoleAPICalled") => message["params"]["type"] == "error",
                _ => false,
            };
            if is_complaint {
                self.complaints.push(message);
            }
        }
    }

    /// The value of an expression in the page.
    pub(crate) async fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "returnByValue": true});
        let mut result = self.call("Runtime.evaluate", parameters).await;
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].take()
    }

    /// Waits until an expression has this value.
    pub(crate) async fn until(&mut self, expression: &str, value: Value) {
        let begun = std::time::Instant::now();
        loop {
            let found = self.value(expression).await;
            if found == value {
                return;
            }
            assert!(begun.elapsed().as_secs() < 30, "{expression} is {found}, not {value}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// Presses a key where the focus is.
    pub(crate) async fn press(&mut self, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let text = if key == "Enter" && kind == "keyDown" { "\r" } else { "" };
            let parameters = json!({
                "type": kind, "key": key, "code": key, "text": text, "windowsVirtualKeyCode": code,
            });
            self.call("Input.dispatchKeyEvent", parameters).await;
        }
    }
}
