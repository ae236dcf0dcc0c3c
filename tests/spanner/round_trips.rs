//! What a purchase costs on the wire, and how each request is marked.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ticketshop::store::conformance::{Fixture, buy, buyer, event_with, keyed, purchase};
use ticketshop::store::{Priority, SeatLock, StoreError};

use crate::conformance::{Subject, subject, subject_with};

/// All calls of the model since the last time, by name.
fn calls(subject: &Subject) -> BTreeMap<String, u64> {
    let calls = subject.server.0.calls();
    subject.server.0.reset_calls();
    calls
}

fn counted<const N: usize>(expected: [(&str, u64); N]) -> BTreeMap<String, u64> {
    expected.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

/// A store that has sold once, so that the facts of the event are kept.
async fn warm(seats: u32) -> (Subject, Fixture, ticketshop::model::Account) {
    let subject = subject().await;
    let (fixture, account) = (event_with(&subject, &[seats]).await, buyer(&subject).await);
    buy(&subject, &purchase(account.id, &fixture, 0, 1)).await.unwrap();
    calls(&subject);
    (subject, fixture, account)
}

#[tokio::test]
async fn a_purchase_is_two_round_trips() {
    let (subject, fixture, account) = warm(10_000).await;
    for quantity in 1..=10 {
        for key in [None, Some(format!("k{quantity}"))] {
            let wish = keyed(account.id, &fixture, 0, quantity, key.as_deref());
            buy(&subject, &wish).await.unwrap();
            let calls = calls(&subject);
            assert_eq!(calls, counted([("StreamingRead", 1), ("Commit", 1)]));
            println!("a purchase: {calls:?}");
        }
    }
}

/// In a small category a window may have to be widened, or wraps round; that stays rare.
#[tokio::test]
async fn a_small_category_costs_little_more() {
    let (subject, fixture, account) = warm(130).await;
    let mut sold = 1;
    // Three shards of 64, 64 and 2 seats: while 40 are free, two shards hold what is asked for.
    while sold < 90 {
        buy(&subject, &purchase(account.id, &fixture, 0, 1)).await.unwrap();
        sold += 1;
    }
    let all: u64 = calls(&subject).values().sum();
    // A purchase that begins in the small shard may have to look further: one in three at most.
    assert!(all <= 89 * 2 + 89 / 2, "{all} round trips for 89 purchases");
}

#[tokio::test]
async fn what_else_may_happen_costs_little_more() {
    let (subject, fixture, account) = warm(20).await;
    let wish = keyed(account.id, &fixture, 0, 9, Some("k"));
    buy(&subject, &wish).await.unwrap();
    calls(&subject);
    // Made before: the commit meets it, and one read answers it.
    buy(&subject, &wish).await.unwrap();
    assert_eq!(calls(&subject), counted([("StreamingRead", 2), ("Commit", 1)]));
    // Sold out: the seats, then whether it was made before, then whether the account exists.
    buy(&subject, &keyed(account.id, &fixture, 0, 10, Some("the-rest"))).await.unwrap();
    calls(&subject);
    let refused = buy(&subject, &keyed(account.id, &fixture, 0, 10, Some("none-left"))).await;
    assert!(matches!(refused, Err(StoreError::SoldOut { left: 0 })), "{refused:?}");
    assert_eq!(calls(&subject), counted([("StreamingRead", 3), ("Rollback", 1)]));
}

#[tokio::test]
async fn a_cold_purchase_reads_the_event_once() {
    let subject = subject().await;
    let (fixture, account) = (event_with(&subject, &[1_000]).await, buyer(&subject).await);
    calls(&subject);
    buy(&subject, &purchase(account.id, &fixture, 0, 1)).await.unwrap();
    let expected = counted([("ExecuteStreamingSql", 1), ("StreamingRead", 1), ("Commit", 1)]);
    assert_eq!(calls(&subject), expected);
}

#[tokio::test]
async fn sales_are_marked_as_sales() {
    let subject = subject_with(|at| {
        at.settings.staleness = Duration::ZERO;
        at.settings.commit_delay = Duration::from_millis(7);
    })
    .await;
    let (fixture, account) = (event_with(&subject, &[100]).await, buyer(&subject).await);
    subject.server.0.reset_calls();
    buy(&subject, &purchase(account.id, &fixture, 0, 1)).await.unwrap();
    let requests = subject.server.0.requests();
    let read = requests.iter().find(|request| request.method == "StreamingRead").unwrap();
    assert_eq!(read.request_tag, "app=ticketshop,action=free_seats");
    assert_eq!(read.transaction_tag, "app=ticketshop,action=purchase_tickets");
    assert_eq!((read.target.as_str(), read.index.as_str()), ("Ticket", "TicketsAvailable"));
    assert!(read.exclusive);
    let commit = requests.iter().find(|request| request.method == "Commit").unwrap();
    assert_eq!(commit.transaction_tag, "app=ticketshop,action=purchase_tickets");
    assert_eq!(commit.max_commit_delay, Some(Duration::from_millis(7)));
    for request in &requests {
        assert_eq!(request.priority, "PRIORITY_HIGH", "{request:?}");
        assert!(request.request_tag.len() <= 50 && request.transaction_tag.len() <= 50);
    }
    for request in [read, commit] {
        assert!(request.headers.contains_key("x-goog-spanner-route-to-leader"), "{:?}", request.headers);
    }
}

#[tokio::test]
async fn what_can_wait_has_low_priority() {
    let subject = subject_with(|at| {
        at.settings.bulk_priority = Priority::Low;
        at.settings.load_commit_delay = Duration::from_millis(30);
    })
    .await;
    subject.server.0.reset_calls();
    event_with(&subject, &[100]).await;
    let commits = subject.server.0.requests();
    assert!(!commits.is_empty());
    for commit in &commits {
        assert_eq!(
            (commit.priority.as_str(), commit.max_commit_delay),
            ("PRIORITY_LOW", Some(Duration::from_millis(30)))
        );
    }
    subject.server.0.reset_calls();
    subject.audit(Box::new(|_, _| ())).await.unwrap();
    subject.reset(true).await.unwrap();
    let requests = subject.server.0.requests();
    let spoken: Vec<_> = requests.iter().filter(|request| !request.request_tag.is_empty()).collect();
    assert!(spoken.len() > 10);
    assert!(spoken.iter().all(|request| request.priority == "PRIORITY_LOW"));
}

#[tokio::test]
async fn the_lock_of_seats_can_be_shared() {
    let subject = subject_with(|at| at.settings.seat_lock = SeatLock::Shared).await;
    let (fixture, account) = (event_with(&subject, &[100]).await, buyer(&subject).await);
    subject.server.0.reset_calls();
    buy(&subject, &purchase(account.id, &fixture, 0, 1)).await.unwrap();
    assert!(subject.server.0.requests().iter().all(|request| !request.exclusive));
}

/// Browsing may be 15 s old, and then does not see what was just loaded; a purchase and the event's page do.
#[tokio::test]
async fn browsing_is_stale_and_selling_is_not() {
    let subject = subject_with(|_| ()).await;
    let (fixture, account) = (event_with(&subject, &[100]).await, buyer(&subject).await);
    subject.server.0.reset_calls();
    let day = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 30))
        .to_zoned_datetime(jiff::tz::TimeZone::UTC)
        .date();
    assert_eq!(subject.multi_events(day, None, 10).await.unwrap(), []);
    assert_eq!(subject.events(fixture.multi_event).await.unwrap(), []);
    assert!(subject.events_dates_range().await.is_err());
    let browsed = subject.server.0.requests();
    let stale = |request: &&spanner_model::RequestRecord| {
        request.timestamp_bound.as_ref().is_some_and(|bound| bound == "max_staleness=15s")
    };
    assert_eq!(browsed.iter().filter(stale).count(), 3, "{browsed:?}");

    assert_eq!(subject.event(fixture.event).await.unwrap().categories.len(), 1);
    let begun = Instant::now();
    buy(&subject, &purchase(account.id, &fixture, 0, 3)).await.unwrap();
    assert_eq!(subject.seats_sold(fixture.event).await.unwrap()[0].sold, 3);
    assert!(begun.elapsed() < Duration::from_secs(10));
}
