//! How fast does it sell here? Purchases in process, purchases over HTTP, and the same server's health
//! route as the ceiling of HTTP on this machine, one after another in one run.
//!
//! `cargo run --release --example rate [SECONDS]`. Client and server share the machine's cores.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "an example that stops at the first trouble")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ticketshop::config::{Config, Sources};
use ticketshop::http::Server;
use ticketshop::model::{
    AccountId, AccountName, CategoryId, CountryCode, Email, EventId, IdempotencyKey, NewAccount, Purchase,
    Quantity,
};
use ticketshop::shop::Shop;
use ticketshop::store::{self, Access, Store, StoreLocation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

const IN_PROCESS_BUYERS: usize = 1_000;
const HTTP_CONNECTIONS: usize = 256;
const ACCOUNTS: usize = 10_000;

/// What there is to buy.
struct Stock {
    accounts: Vec<AccountId>,
    /// Event and category, spread over the catalogue.
    offers: Vec<(EventId, CategoryId)>,
}

impl Stock {
    fn purchase(&self, number: u64) -> Purchase {
        let at = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let (event, category) = self.offers[at as usize % self.offers.len()];
        let account = self.accounts[at as usize % self.accounts.len()];
        let key = IdempotencyKey::parse(&format!("k{number}")).unwrap();
        let quantity = Quantity::new(1 + (number % 4) as i64).unwrap();
        Purchase::new(account, event, category, quantity, Some(key), &mut rand::rng())
    }
}

#[tokio::main]
async fn main() {
    let seconds: f64 = std::env::args().nth(1).map_or(5.0, |text| text.parse().unwrap());
    let folder = std::env::temp_dir().join(format!("ticketshop-rate-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let location = StoreLocation::Sqlite { path: folder.join("ticketshop.db") };
    let store = store::open(&location, Access::Serve).await.unwrap();
    let stock = Arc::new(fill(&store).await);
    let time = Duration::from_secs_f64(seconds);

    let phases = std::env::args().nth(2).unwrap_or_else(|| "process,noop,http".to_owned());
    for phase in phases.split(',') {
        CPU_BEGUN.store(cpu_us(), Ordering::Relaxed);
        match phase {
            "process" => in_process_phase(&store, &stock, time).await,
            "health" => {
                let address = serve(&store).await;
                let r = http_rate(time, address, |_| {
                    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()
                })
                .await;
                println!("health {r:.0}");
            }
            "refused" => {
                let address = serve(&store).await;
                let stock = Arc::clone(&stock);
                let r = http_rate(time, address, move |number| {
                    let mut p = post(&stock.purchase(number));
                    let l = p.len();
                    p[l - 2] = b'0';
                    p
                })
                .await;
                println!("refused {r:.0}");
            }
            "noop" => noop_phase(&stock, time).await,
            _ => http_phase(&store, &stock, time).await,
        }
    }
    let report = store.audit(Box::new(|_, _| ())).await.unwrap();
    println!("audit: {} sales, {} disagreements", report.sales, report.disagreements.len());
    store.close().await;
    std::fs::remove_dir_all(folder).unwrap();
}

async fn in_process_phase(store: &Arc<dyn Store>, stock: &Arc<Stock>, time: Duration) {
    let in_process = rate(time, IN_PROCESS_BUYERS, {
        let (store, stock) = (Arc::clone(store), Arc::clone(stock));
        move |number| {
            let (store, stock) = (Arc::clone(&store), Arc::clone(&stock));
            async move { is_sale(store.purchase_tickets(&stock.purchase(number), far()).await) }
        }
    });
    println!("purchases in process   {:>8.0}/s", in_process.await);
}

async fn noop_phase(stock: &Arc<Stock>, time: Duration) {
    use warp::Filter;
    let answer = warp::post().and(warp::body::bytes()).map(|_body: bytes::Bytes| {
        let mut response = warp::reply::Response::new("[]".into());
        *response.status_mut() = warp::http::StatusCode::CREATED;
        response
    });
    let config = config();
    let listener = TcpListener::bind(config.listen).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(Server::with_routes(listener, answer.boxed(), &config).run(std::future::pending()));
    let rate = http_rate(time, address, {
        let stock = Arc::clone(stock);
        move |number| post(&stock.purchase(1 << 41 | number))
    });
    println!("no-op POST over HTTP   {:>8.0}/s", rate.await);
}

async fn http_phase(store: &Arc<dyn Store>, stock: &Arc<Stock>, time: Duration) {
    let address = serve(store).await;
    let over_http = http_rate(time, address, {
        let stock = Arc::clone(stock);
        move |number| post(&stock.purchase(1 << 40 | number))
    });
    println!("purchases over HTTP    {:>8.0}/s", over_http.await);
}

static CPU_BEGUN: AtomicU64 = AtomicU64::new(0);

/// Processor time of this process so far, in microseconds.
fn cpu_us() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10_000
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Whether a sale was made. Sold out does not count; whatever else goes wrong ends the run.
fn is_sale(answer: store::Result<store::Purchased>) -> bool {
    assert!(matches!(answer, Ok(_) | Err(store::StoreError::SoldOut { .. })), "{answer:?}");
    answer.is_ok()
}

async fn fill(store: &Arc<dyn Store>) -> Stock {
    let config = ticketshop::generator::GeneratorConfig::default();
    let mark = |kind: &str| store::LoadMark {
        kind: kind.to_owned(),
        seed: 1,
        arguments: String::new(),
        done: 1,
        finished: true,
    };
    let venues: Vec<_> = ticketshop::generator::venues(&config, 1).take(300).collect();
    store.load_venues(mark("venues"), venues.clone()).await.unwrap();
    let start = jiff::Timestamp::now();
    let new = ticketshop::generator::MultiEvents::new(&config, 1, start, venues, 10_000_000)
        .unwrap()
        .collect::<Vec<_>>();
    let offers = new
        .iter()
        .flat_map(|new| &new.events)
        .flat_map(|event| event.categories.iter().map(|category| (event.id, category.category)));
    let offers = offers.collect();
    store.load_multi_events(mark("tickets"), new).await.unwrap();
    let mut accounts = Vec::new();
    for number in 0..ACCOUNTS {
        let account = NewAccount {
            id: AccountId::random(&mut rand::rng()),
            name: AccountName::parse("Ada").unwrap(),
            email: Email::parse(&format!("{number}@example.com")).unwrap(),
            country: CountryCode::parse("GB").unwrap(),
        };
        accounts.push(store.create_account(&account).await.unwrap().account.id);
    }
    Stock { accounts, offers }
}

/// Calls that succeed per second, of `workers` that each do one after another, for this time.
async fn rate<F: Future<Output = bool> + Send + 'static>(
    time: Duration,
    workers: usize,
    work: impl Fn(u64) -> F + Clone + Send + 'static,
) -> f64 {
    let next = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let tasks: Vec<_> = (0..workers)
        .map(|_| {
            let (next, work) = (Arc::clone(&next), work.clone());
            tokio::spawn(async move {
                let mut done = 0_u64;
                while begun.elapsed() < time {
                    done += u64::from(work(next.fetch_add(1, Ordering::Relaxed)).await);
                }
                done
            })
        })
        .collect();
    per_second(tasks, begun).await
}

fn config() -> Config {
    let mut sources = Sources::default();
    sources.set("PORT", "0".to_owned(), "PORT".to_owned());
    // Every event of the catalogue fits, as on a machine that is set up for its catalogue.
    sources.set("CACHESIZE", "100000".to_owned(), "CACHESIZE".to_owned());
    let config = Config::read(&sources).unwrap();
    Config { access_log: false, ..config }
}

async fn serve(store: &Arc<dyn Store>) -> SocketAddr {
    let config = config();
    let listener = TcpListener::bind(config.listen).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(listener, Shop::new(Arc::clone(store), config.cache), &config);
    tokio::spawn(server.run(std::future::pending()));
    address
}

async fn http_rate(
    time: Duration,
    address: SocketAddr,
    request: impl Fn(u64) -> Vec<u8> + Clone + Send + Sync + 'static,
) -> f64 {
    let next = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..HTTP_CONNECTIONS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (next, request) = (Arc::clone(&next), request.clone());
        tasks.push(tokio::spawn(async move {
            let mut buffer = Vec::with_capacity(8192);
            let mut done = 0_u64;
            while begun.elapsed() < time {
                stream.write_all(&request(next.fetch_add(1, Ordering::Relaxed))).await.unwrap();
                done += u64::from(succeeds(&mut stream, &mut buffer).await);
            }
            done
        }));
    }
    per_second(tasks, begun).await
}

async fn per_second(tasks: Vec<tokio::task::JoinHandle<u64>>, begun: Instant) -> f64 {
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    let cpu = cpu_us() - CPU_BEGUN.load(Ordering::Relaxed);
    println!(
        "{:.1} us of CPU a call, {:.0} % of one CPU",
        cpu as f64 / done as f64,
        cpu as f64 / begun.elapsed().as_secs_f64() / 1e4
    );
    done as f64 / begun.elapsed().as_secs_f64()
}

/// Reads one response, whose length the server declares, and tells whether it is a success.
async fn succeeds(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> bool {
    buffer.clear();
    loop {
        assert!(stream.read_buf(buffer).await.unwrap() > 0, "the server closed");
        let Some(head) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let text = std::str::from_utf8(&buffer[..head]).unwrap();
        assert!(
            text.starts_with("HTTP/1.1 2")
                || text.starts_with("HTTP/1.1 409")
                || text.starts_with("HTTP/1.1 422"),
            "{text}"
        );
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if buffer.len() >= head + 4 + length.parse::<usize>().unwrap() {
            return text.starts_with("HTTP/1.1 2") || text.starts_with("HTTP/1.1 422");
        }
    }
}

fn post(purchase: &Purchase) -> Vec<u8> {
    let Purchase { account, event, category, quantity, .. } = purchase;
    let key = purchase.key.as_ref().map_or("", IdempotencyKey::as_str);
    let body = format!(
        "{{\"accountId\":\"{account}\",\"eventId\":\"{event}\",\"categoryId\":\"{category}\",\"quantity\":{}}}",
        quantity.get()
    );
    format!(
        "POST /api/v1/tickets/purchase HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Idempotency-Key: {key}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
