//! A shop of its own for each test, with one method for each endpoint.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::documented::assert_documented;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use ticketshop::config::{Config, Sources};
use ticketshop::http::Server;
use ticketshop::shop::Shop;
use ticketshop::store::conformance::{Fixture, event_with};
use ticketshop::store::{self, Access, Store, StoreLocation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// A running shop; it ends with the test.
pub(crate) struct TestShop {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) client: reqwest::Client,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) stopped: tokio::task::JoinHandle<bool>,
    _directory: TempDir,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is a problem with this status and code that promises to have had no effect.
    pub(crate) fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["effect"], "none");
        assert_eq!(self.body["type"], format!("urn:ticketshop:problem:{code}"));
        assert!(self.body["title"].is_string() && self.body["detail"].is_string());
        assert!(!self.header("x-request-id").is_empty());
    }
}

impl TestShop {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A shop with these settings.
    pub(crate) async fn start_with(settings: &[(&'static str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let location = StoreLocation::Sqlite { path: directory.path().join("ticketshop.db") };
        let store = store::open(&location, Access::Serve).await.unwrap();
        let mut sources = Sources::default();
        sources.set("ACCESS_LOG", "false".to_owned(), "test".to_owned());
        for (name, text) in settings {
            sources.set(name, (*text).to_owned(), "test".to_owned());
        }
        let config = Config::read(&sources).unwrap();
        let shop = Shop::new(store.clone(), config.cache);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = oneshot::channel::<()>();
        let server = Server::new(listener, shop, &config);
        let stopped = tokio::spawn(server.run(async {
            let _ = stopping.await;
        }));
        let client = reqwest::Client::new();
        Self { address, store, client, stop: Some(stop), stopped, _directory: directory }
    }

    /// An event on sale with a category for each number of seats.
    pub(crate) async fn event_with(&self, seats: &[u32]) -> Fixture {
        event_with(&self.store, seats).await
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Reply {
        let request = request.timeout(Duration::from_secs(20)).build().unwrap();
        let (method, url) = (request.method().clone(), request.url().clone());
        let response = self.client.execute(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.unwrap();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        assert_documented(&method, url.path(), status, &headers, &body);
        Reply { status, headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn post_account(&self, name: &str, email: &str, country: &str) -> Reply {
        self.post("/api/v1/account", &json!({"name": name, "email": email, "country": country})).await
    }

    /// The id of a new account.
    pub(crate) async fn buyer(&self) -> String {
        let email = format!("{:x}@example.com", rand::random::<u128>());
        let reply = self.post_account("Ada", &email, "GB").await;
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.body["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn get_account(&self, email: &str) -> Reply {
        self.get(&format!("/api/v1/account/{email}")).await
    }

    pub(crate) async fn get_event(&self, id: &str) -> Reply {
        self.get(&format!("/api/v1/events/{id}")).await
    }

    pub(crate) async fn purchase(&self, body: &Value, key: Option<&str>) -> Reply {
        let mut request = self.request(Method::POST, "/api/v1/tickets/purchase").json(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        self.send(request).await
    }

    /// How many seats the first category of the event has left.
    pub(crate) async fn seats_available(&self, fixture: &Fixture) -> u64 {
        let event = self.get_event(&fixture.event.to_string()).await;
        event.body["categories"][0]["seatsAvailable"].as_u64().unwrap()
    }

    /// Sends bytes on a connection of their own and reads until it closes or `until` has come.
    pub(crate) async fn raw(&self, bytes: &[u8], until: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let read = async {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut chunk).await {
                answer.extend_from_slice(&chunk[..length]);
                if String::from_utf8_lossy(&answer).contains(until) {
                    break;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), read).await.expect("the connection hangs");
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// The body of a purchase from the first category of an event.
pub(crate) fn wish(account: &str, fixture: &Fixture, quantity: impl Into<Value>) -> Value {
    json!({
        "accountId": account,
        "eventId": fixture.event.to_string(),
        "categoryId": fixture.categories[0].to_string(),
        "quantity": quantity.into(),
    })
}
