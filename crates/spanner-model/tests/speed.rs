//! Point queries stay fast on a big table.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::*;
use google_cloud_spanner::statement::Statement;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn point_queries_do_not_scan() {
    let (model, client) = start().await;
    for event in 0..50_i64 {
        let tickets = (0..1000).map(|seat| ticket(event, seat, Some(true), None)).collect();
        write(&client, tickets).await.unwrap();
    }
    assert_eq!(model.row_count(DATABASE, "Ticket"), Some(50_000));
    let queries = [
        "SELECT Seat FROM Ticket WHERE Event = @event AND Seat = 7",
        "SELECT t.Seat FROM Ticket t JOIN Ticket u ON u.Event = t.Event AND u.Seat = t.Seat
         WHERE t.Event = @event AND t.Seat = 7",
        "SELECT Seat FROM Ticket@{FORCE_INDEX=TicketFree} WHERE Event = @event AND Free AND Seat = 7 LIMIT 1",
        "SELECT Seat + 7 FROM Ticket WHERE Event > @event LIMIT 1",
        "SELECT Seat + 7 FROM Ticket WHERE Event > @event ORDER BY Event, Seat LIMIT 1",
    ];
    for query in queries {
        let begun = Instant::now();
        for event in 0..20_i64 {
            let statement = Statement::builder(query).add_param("event", event).build();
            assert_eq!(numbers(&client, statement).await, [7], "{query}");
        }
        assert!(begun.elapsed() < Duration::from_millis(600), "{query}: {:?}", begun.elapsed());
    }
    let begun = Instant::now();
    assert_eq!(numbers(&client, "SELECT COUNT(*) FROM Ticket WHERE Free").await, [50_000]);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}
