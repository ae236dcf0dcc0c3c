//! A shop that is asked for the documentation, and what it answers: the real server on a throw-away store.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use reqwest::{Client, Method};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::config::{Config, Sources};
use crate::http::Server;
use crate::model::{
    CategoryId, CountryCode, EventId, Money, MultiEvent, MultiEventId, NewEvent, NewMultiEvent,
    NewTicketCategory, SeatingCategory, Venue, VenueId,
};
use crate::shop::Shop;
use crate::store::{self, Access, LoadMark, Store, StoreLocation};

/// Headers of answers that are shown.
const SHOWN: [&str; 7] =
    ["content-type", "location", "sale-id", "idempotent-replayed", "link", "allow", "retry-after"];
/// When tickets were bought, in place of the real time.
const PURCHASE_DATE: &str = "2098-11-03T09:00:00.123456Z";

/// A request and its answer, as they are shown.
pub(super) struct Exchange {
    pub(super) request: String,
    pub(super) answer: String,
    /// The body as it came.
    pub(super) body: serde_json::Value,
    /// The header `Sale-Id`, of a purchase.
    pub(super) sale: Option<String>,
}

/// What is sent.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) key: Option<&'a str>,
    pub(super) body: Option<&'a str>,
}

/// The shop, its folder and its end.
pub(super) struct Recorder {
    url: String,
    client: Client,
    store: Arc<dyn Store>,
    stop: oneshot::Sender<()>,
    stopped: tokio::task::JoinHandle<bool>,
    folder: PathBuf,
    stand_ins: StandIns,
}

impl Recorder {
    /// Opens a shop with a small catalogue.
    pub(super) async fn start() -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("ticketshop-docs-{:x}", rand::random::<u64>()));
        std::fs::create_dir(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        let started = Self::start_in(folder.clone()).await;
        if started.is_err() {
            let _ = std::fs::remove_dir_all(&folder);
        }
        started
    }

    async fn start_in(folder: PathBuf) -> Result<Self, String> {
        let location = StoreLocation::Sqlite { path: folder.join("docs.db") };
        let store = store::open(&location, Access::Serve).await.map_err(|error| error.to_string())?;
        load(&*store).await.map_err(|error| error.to_string())?;
        let mut sources = Sources::default();
        sources.set("ACCESS_LOG", "false".to_owned(), "docs".to_owned());
        let config = Config::read(&sources).map_err(|error| error.to_string())?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let server = Server::new(listener, Shop::new(Arc::clone(&store), config.cache), &config);
        let (stop, stopping) = oneshot::channel::<()>();
        let stopped = tokio::spawn(server.run(async {
            let _ = stopping.await;
        }));
        // Not through the proxy that an operator may have.
        let client = Client::builder().no_proxy().build().map_err(|error| error.to_string())?;
        let url = format!("http://{address}");
        Ok(Self { url, client, store, stop, stopped, folder, stand_ins: StandIns::default() })
    }

    /// Asks, and shows both sides.
    pub(super) async fn ask(&mut self, ask: &Ask<'_>) -> Result<Exchange, String> {
        let mut request = self.client.request(ask.method.clone(), format!("{}{}", self.url, ask.path));
        let mut shown = format!("{} {}\n", ask.method, ask.path);
        for (name, value) in
            [("Idempotency-Key", ask.key), ("Content-Type", ask.body.map(|_| "application/json"))]
        {
            if let Some(value) = value {
                request = request.header(name, value);
                // Writing to a string cannot fail.
                let _ = writeln!(shown, "{name}: {value}");
            }
        }
        if let Some(body) = ask.body {
            request = request.body(body.to_owned());
            let _ = write!(shown, "\n{}\n", pretty(body));
        }
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let mut told = format!("{} {}\n", status.as_u16(), status.canonical_reason().unwrap_or_default());
        for name in SHOWN {
            if let Some(value) = answer.headers().get(name).and_then(|value| value.to_str().ok()) {
                let _ = writeln!(told, "{name}: {value}");
            }
        }
        let sale = answer.headers().get("sale-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let body = answer.text().await.map_err(|error| error.to_string())?;
        let _ = write!(told, "\n{}\n", pretty(&body));
        let body = serde_json::from_str(&body).unwrap_or_default();
        Ok(Exchange { request: self.stand_ins.put(&shown), answer: self.stand_ins.put(&told), body, sale })
    }

    /// Closes the shop and removes all of it.
    pub(super) async fn end(self) {
        let _ = self.stop.send(());
        let _ = self.stopped.await;
        self.store.close().await;
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A stadium with two rows of seats on sale. The dates are far away, so that they are so on every day.
async fn load(store: &dyn Store) -> store::Result<()> {
    let id = |no: u8| {
        let mut bytes = [0; 16];
        [bytes[0], bytes[6], bytes[8]] = [no, 0x40, 0x80];
        bytes
    };
    let categories = [("Balcony", 2, 4_995), ("Box 7", 4, 12_000)];
    let seating = |(at, &(name, seats, _)): (usize, &(&str, u32, i64))| SeatingCategory {
        id: CategoryId::from_bytes(id(0xc0 + at as u8)),
        config: "concert".to_owned(),
        name: name.to_owned(),
        seats,
    };
    let seating: Vec<SeatingCategory> = categories.iter().enumerate().map(seating).collect();
    let on_sale = seating.iter().zip(&categories).map(|(category, &(_, seats, price))| NewTicketCategory {
        category: category.id,
        seats,
        price: Money::from_minor(price),
    });
    let at = |text: &str| text.parse().unwrap_or_default();
    let event = NewEvent {
        id: EventId::from_bytes(id(0xe0)),
        venue: VenueId::from_bytes(id(0xf0)),
        name: "Silver Lanterns, night 1".to_owned(),
        event_date: at("2099-01-31T10:00:00Z"),
        sale_date: at("2020-01-01T00:00:00Z"),
        categories: on_sale.collect(),
    };
    let country = CountryCode::parse("JP").map_err(store::StoreError::unavailable)?;
    let (name, kind) = ("Tokyo Dome".to_owned(), "stadium".to_owned());
    let venue = Venue { id: event.venue, name, kind, country, categories: seating };
    let multi_event =
        MultiEvent { id: MultiEventId::from_bytes(id(0xa0)), name: "Silver Lanterns".to_owned() };
    let mark = |kind: &str| LoadMark {
        kind: kind.to_owned(),
        seed: 1,
        arguments: String::new(),
        done: 1,
        finished: true,
    };
    store.load_venues(mark("venues"), vec![venue]).await?;
    store.load_multi_events(mark("tickets"), vec![NewMultiEvent { multi_event, events: vec![event] }]).await
}

/// What stands for ids and times that are others each time.
#[derive(Default)]
struct StandIns(HashMap<Uuid, Uuid>);

impl StandIns {
    /// The text with each id replaced by one that follows from the order in which they came.
    fn put(&mut self, text: &str) -> String {
        let mut put = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let id =
                rest.get(..36).filter(|part| part.as_bytes()[8] == b'-').and_then(|part| part.parse().ok());
            if let Some(id) = id {
                let _ = write!(put, "{}", self.of(id));
                rest = &rest[36..];
            } else if let Some(after) = rest.strip_prefix("\"purchaseDate\": \"") {
                let _ = write!(put, "\"purchaseDate\": \"{PURCHASE_DATE}");
                rest = after.find('"').map_or("", |end| &after[end..]);
            } else {
                put.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
        put
    }

    fn of(&mut self, id: Uuid) -> Uuid {
        let next = self.0.len() as u128 + 1;
        // Spread over the digits, so that two of them do not look alike, and marked as random ones.
        let digits = next.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        *self
            .0
            .entry(id)
            .or_insert_with(|| uuid::Builder::from_random_bytes(digits.to_be_bytes()).into_uuid())
    }
}

/// JSON on lines of its own, its members in the order in which they came.
fn pretty(json: &str) -> String {
    let (mut text, mut depth, mut in_string, mut escaped) = (String::new(), 0_usize, false, false);
    let mut chars = json.chars().peekable();
    while let Some(char) = chars.next() {
        if in_string {
            text.push(char);
            in_string = escaped || char != '"';
            escaped = char == '\\' && !escaped;
            continue;
        }
        match char {
            '{' | '[' if chars.peek().is_some_and(|next| "}]".contains(*next)) => {
                text.push(char);
                text.extend(chars.next());
            }
            '{' | '[' | ',' => {
                depth += usize::from(char != ',');
                text.push(char);
                break_line(&mut text, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                break_line(&mut text, depth);
                text.push(char);
            }
            ':' => text.push_str(": "),
            char => {
                in_string = char == '"';
                text.push(char);
            }
        }
    }
    text
}

fn break_line(text: &mut String, depth: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_spread_over_lines_and_stays_the_same() {
        let json = r#"{"b":[1,{"a":"x, {y}: \"z\""}],"c":[],"a":49.90}"#;
        let shown = pretty(json);
        assert_eq!(
            shown,
            "{\n  \"b\": [\n    1,\n    {\n      \"a\": \"x, {y}: \\\"z\\\"\"\n    }\n  ],\n  \"c\": [],\n  \"a\": 49.90\n}"
        );
    }

    #[test]
    fn the_same_id_has_the_same_stand_in() {
        let (one, other) = ("c1432ca1-2fa1-41d2-883f-0016d3cca427", "6927d80e-2fa1-41d2-883f-0016d3cca427");
        let put = |text: &str| StandIns::default().put(text);
        assert_eq!(put(&format!("{one} {one} é")), put(&format!("{other} {other} é")));
        assert_ne!(put(&format!("{one} {other}")), put(&format!("{one} {one}")));
        assert!(!put(one).contains(one));
    }
}
