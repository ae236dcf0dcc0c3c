//! Kill -9 and power cuts under load, again and again: nothing acknowledged is missing, nothing is sold twice, and
//! every purchase in doubt is settled by sending it again.
//!
//! Ten kills in the normal tests, 200 in `make proof`, power cuts in `make proof-power`. Every run prints its seed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]
#![allow(clippy::print_stderr, reason = "a seed has to be shown")]

mod power;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use support::{Place, Tsbe, purchase, wish};
use ticketshop::store::Access;
use ticketshop::store::conformance::{Fixture, assert_consistent};

const BUYERS: usize = 32;
/// Ten million seats: more than 200 cycles sell.
const CATEGORIES: usize = 500;
const SEATS: u32 = 20_000;

/// What the clients know, kept outside the process that is killed.
#[derive(Default)]
struct Known {
    /// Key to body: noted before it is sent.
    sent: HashMap<String, Value>,
    /// Key to the tickets of a 201, of this cycle.
    acknowledged: HashMap<String, Value>,
    /// Ids of all tickets that anyone was ever told are theirs.
    tickets: HashSet<uuid::Uuid>,
}

struct Crash {
    place: Place,
    fixture: Fixture,
    accounts: Vec<String>,
    known: Mutex<Known>,
    client: reqwest::Client,
}

impl Crash {
    /// Buys until the daemon is gone.
    async fn buy(self: Arc<Self>, url: String, cycle: usize, buyer: usize, seed: u64) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for number in 0.. {
            let key = format!("{cycle}-{buyer}-{number}");
            let (category, quantity) = (rng.random_range(0..CATEGORIES), rng.random_range(1..=10));
            let body = wish(&self.accounts[buyer], &self.fixture, category, quantity);
            self.known.lock().unwrap().sent.insert(key.clone(), body.clone());
            let Ok(response) = purchase(&self.client, &url, &body, &key).await else {
                return;
            };
            let status = response.status().as_u16();
            // A 201 counts once its tickets have arrived.
            let Ok(tickets) = response.json().await else {
                return;
            };
            match status {
                201 => self.known.lock().unwrap().acknowledged.insert(key, tickets),
                503 => continue,
                _ => panic!("{status}: {tickets}"),
            };
        }
    }

    /// Sends everything again: what was acknowledged answers the same, the rest gets an answer now.
    async fn settle(&self, daemon: &Tsbe) {
        let unsettled = std::mem::take(&mut self.known.lock().unwrap().sent);
        for (key, body) in unsettled {
            let response = purchase(&self.client, &daemon.url, &body, &key).await.unwrap();
            assert_eq!(response.status(), 201, "{key}");
            let replayed = response.headers().contains_key("idempotent-replayed");
            let tickets: Value = response.json().await.unwrap();
            let mut known = self.known.lock().unwrap();
            if let Some(before) = known.acknowledged.insert(key.clone(), tickets.clone()) {
                assert!(replayed, "{key} was acknowledged and is lost");
                assert_eq!(before, tickets, "{key} was acknowledged with other tickets");
            }
        }
    }

    /// Every ticket that anyone was told is theirs is told to one key alone. Forgets the cycle's answers
    /// and returns how many tickets are sold in all.
    fn assert_nothing_sold_twice(&self) -> usize {
        let mut known = self.known.lock().unwrap();
        for (key, tickets) in std::mem::take(&mut known.acknowledged) {
            for ticket in tickets.as_array().unwrap() {
                let id = ticket["id"].as_str().unwrap().parse().unwrap();
                assert!(known.tickets.insert(id), "{key}: {ticket} was sold twice");
            }
        }
        known.tickets.len()
    }
}

/// What befalls the daemon while it sells.
trait Accident {
    /// Its name, for the report.
    const NAME: &str;

    /// Ends the daemon at once.
    fn strike(&mut self, daemon: &Tsbe);

    /// Makes the store usable again, once the daemon is gone.
    fn recover(&mut self) {}
}

/// The process ends, the machine goes on.
struct Kill;

impl Accident for Kill {
    const NAME: &str = "kills";

    fn strike(&mut self, daemon: &Tsbe) {
        daemon.signal("KILL");
    }
}

async fn strike_again_and_again<A: Accident>(mut accident: A, place: Place, cycles: usize) {
    let seed: u64 =
        std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    eprintln!("SEED={seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (fixture, accounts) = place.prepare(&[SEATS; CATEGORIES], BUYERS).await;
    let crash =
        Arc::new(Crash { place, fixture, accounts, known: Mutex::default(), client: reqwest::Client::new() });
    let mut acknowledged = 0;
    for cycle in 0..cycles {
        let daemon = crash.place.serve_with(&["--access-log=false"]);
        let buyers: Vec<_> = (0..BUYERS)
            .map(|buyer| tokio::spawn(crash.clone().buy(daemon.url.clone(), cycle, buyer, rng.random())))
            .collect();
        tokio::time::sleep(Duration::from_millis(rng.random_range(50..500))).await;
        accident.strike(&daemon);
        for buyer in buyers {
            buyer.await.unwrap();
        }
        drop(daemon);
        accident.recover();
        acknowledged += crash.known.lock().unwrap().acknowledged.len();
        let daemon = crash.place.serve_with(&["--access-log=false"]);
        crash.settle(&daemon).await;
        let tickets = crash.assert_nothing_sold_twice();
        daemon.signal("KILL");
        let (.., said) = daemon.end();
        let store = crash.place.open(Access::Attach).await;
        let sold: u32 =
            store.seats_sold(crash.fixture.event).await.unwrap().iter().map(|sold| sold.sold).sum();
        assert_eq!(sold as usize, tickets, "{said}");
        assert_consistent(&store).await;
        store.close().await;
    }
    let name = A::NAME;
    eprintln!("{cycles} {name}, {acknowledged} purchases acknowledged before them, 0 lost, 0 sold twice");
    assert!(acknowledged > cycles, "hardly anything was bought: that proves nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_over_10_kills() {
    strike_again_and_again(Kill, Place::new(), 10).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a long proof: make proof"]
async fn nothing_acknowledged_is_lost_over_200_kills() {
    strike_again_and_again(Kill, Place::new(), 200).await;
}

/// An fsync that fails at COMMIT leaves open what is on the disk. The buyer is told so, the daemon ends
/// instead of writing on, and the same key settles it after the next start.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs strace: make proof"]
async fn a_failed_fsync_is_told_as_unknown_and_ends_the_daemon() {
    const STORE_FAILED: i32 = 70;
    let place = Place::new();
    let (fixture, accounts) = place.prepare(&[SEATS], 1).await;
    let client = reqwest::Client::new();
    for nth in 1..=20 {
        let inject = format!("inject=fsync,fdatasync:error=EIO:when={nth}+");
        let daemon = place.serve_under("strace", &["-f", "-qq", "-o", "strace.log", "-e", &inject]);
        let (mut bought, mut in_doubt) = (Vec::new(), None);
        for number in 0..100 {
            let key = format!("{nth}-{number}");
            let answer =
                purchase(&client, &daemon.url, &wish(&accounts[0], &fixture, 0, 1), &key).await.unwrap();
            let status = answer.status();
            let body: Value = answer.json().await.unwrap();
            if status == 201 {
                bought.push((key, body));
                continue;
            }
            assert_eq!((status.as_u16(), &body["code"]), (503, &"outcome-unknown".into()), "{body}");
            assert_eq!(body["effect"], "unknown");
            in_doubt = Some(key);
            break;
        }
        let in_doubt = in_doubt.expect("no fsync failed");
        let (status, _, said) = daemon.end();
        assert_eq!(status.code(), Some(STORE_FAILED), "{said}");

        let daemon = place.serve();
        for (key, tickets) in &bought {
            let again =
                purchase(&client, &daemon.url, &wish(&accounts[0], &fixture, 0, 1), key).await.unwrap();
            assert!(
                again.headers().contains_key("idempotent-replayed"),
                "{key} was acknowledged and is lost"
            );
            assert_eq!(&again.json::<Value>().await.unwrap(), tickets);
        }
        let settled = purchase(&client, &daemon.url, &wish(&accounts[0], &fixture, 0, 1), &in_doubt).await;
        assert_eq!(settled.unwrap().status(), 201);
        daemon.signal("TERM");
        assert_eq!(daemon.end().0.code(), Some(0));
        assert_consistent(&place.open(Access::Attach).await).await;
    }
}
