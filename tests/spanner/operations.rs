//! The operator's commands on Spanner, by the real `tsctl` and `tsbe`.

use std::time::Duration;

use serde_json::Value;
use spanner_model::{Model, Options};
use ticketshop::store::conformance::{
    Dates, assert_consistent, buy, buyer, event_with, keyed, mark, new_event,
};
use ticketshop::store::{LoadMark, StoreError};

use crate::conformance::{subject, subject_with};
use crate::tools::{run, tsctl};

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_to_a_sale() {
    let model = Model::start(Options { operation_polls: 3, ..Options::default() }).await.unwrap();
    let host = model.addr().to_string();
    let with = |arguments: &[&str]| {
        let store = ["--store", "spanner:new-project/new-instance/new", "--spanner-emulator-host", &host];
        run(&[&store[..], arguments].concat())
    };
    with(&["schema", "apply", "--create-database"]).done();
    let status: Value =
        serde_json::from_str(&with(&["--output", "json", "schema", "status"]).done()).unwrap();
    assert_eq!((&status["current"], &status["latest"]), (&1.into(), &1.into()));
    let again = with(&["schema", "apply", "--create-database"]);
    assert!(again.err.contains("has schema 1 already"), "{}", again.err);

    with(&["load", "venues", "20", "--seed", "1"]).done();
    let tomorrow =
        (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24)).to_string()[..10].to_owned();
    let loaded =
        with(&["--output", "json", "load", "tickets", "20k", "--seed", "1", "--start", &tomorrow]).done();
    let loaded: Value = serde_json::from_str(&loaded).unwrap();
    let tickets = loaded["numTickets"].as_u64().unwrap();
    let database = "projects/new-project/instances/new-instance/databases/new";
    assert_eq!(model.row_count(database, "Ticket"), Some(tickets as usize));

    with(&["account", "create", "--name", "Ada", "--email", "ada@example.com", "--country", "GB"]).done();
    // Browsing may be older than the catalogue: then nothing is on sale yet, and nothing fails.
    with(&["list", "multievents", "--date", &tomorrow]).done();
    let bought = with(&[
        "--spanner-staleness",
        "0",
        "--output",
        "json",
        "buy",
        "--account",
        "ada@example.com",
        "--quantity",
        "3",
    ])
    .done();
    assert_eq!(bought.matches("\"seat\"").count(), 3, "{bought}");
    with(&["audit"]).done();
    with(&["reset", "--yes"]).done();
    assert_eq!(model.row_count(database, "Sale"), Some(0));
    assert_eq!(model.row_count(database, "Ticket"), Some(tickets as usize));
    with(&["audit"]).done();
}

#[tokio::test(flavor = "multi_thread")]
async fn splits_are_asked_for_at_each_category_and_within() {
    let subject = subject().await;
    let fixture = event_with(&subject, &[640, 64]).await;
    let event = fixture.event.to_string();
    let done = tsctl(&subject, ["spanner", "presplit", "--event", &event, "--every", "128"]);
    assert!(done.err.contains("asked for 6 splits"), "{}", done.err);
    let points = subject.server.0.split_points(&subject.at.path());
    let mut asked: Vec<(String, String)> = Vec::new();
    for point in &points {
        assert_eq!(
            (&point["table"], &point["keys"][0]["keyParts"][0]),
            (&"SoldTicketsCounter".into(), &event.as_str().into())
        );
        let part = |no: usize| point["keys"][0]["keyParts"][no].as_str().unwrap().to_owned();
        asked.push((part(1), part(2)));
    }
    let [large, small] = [0, 1].map(|no| fixture.categories[no].to_string());
    let mut expected: Vec<_> =
        ["0", "2", "4", "6", "8"].map(|shard| (large.clone(), shard.to_owned())).to_vec();
    expected.push((small, "0".to_owned()));
    asked.sort();
    expected.sort();
    assert_eq!(asked, expected);
    // More than one request takes: 250 shards of 64 seats.
    let many = event_with(&subject, &[16_000]).await.event.to_string();
    tsctl(&subject, ["spanner", "presplit", "--event", &many, "--every", "64"]).done();
    assert_eq!(subject.server.0.split_points(&subject.at.path()).len(), 256);
    tsctl(&subject, ["spanner", "presplit", "--event", "11111111-1111-4111-8111-111111111111"])
        .refused("no such event");
    run(&["--store", "sqlite:x.db", "spanner", "presplit", "--event", &event])
        .refused("only a store on Spanner");
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_that_are_not_there_are_told() {
    let subject = subject().await;
    tsctl(&subject, ["spanner", "hot"]).refused("this server offers no statistics of locks and splits");
    run(&["--store", "sqlite:x.db", "spanner", "hot"]).refused("only a store on Spanner");
}

/// A load that was interrupted between its tickets and its events has sold nothing, and is written again.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_batch_is_not_for_sale() {
    let subject = subject_with(|at| at.settings.staleness = Duration::ZERO).await;
    let other = event_with(&subject, &[100]).await;
    let model = &subject.server.0;
    let before = model.row_count(&subject.at.path(), "Event");
    let (fixture, venue, new) = new_event(&[500], &Dates::on_sale());
    subject.load_venues(mark("venues"), vec![venue]).await.unwrap();
    // Tickets are written, their event is not.
    let denied = spanner_model::Fault::Status(spanner_model::Code::PermissionDenied, "no more".to_owned());
    let only_tag = Some("app=ticketshop,action=load".to_owned());
    let rule = spanner_model::FaultRule { only_tag, ..spanner_model::FaultRule::always("Commit", denied) };
    model.faults(spanner_model::FaultPlan { seed: 1, rules: vec![rule] });
    let tickets = model.row_count(&subject.at.path(), "Ticket");
    let half = LoadMark { finished: false, ..mark("tickets") };
    assert!(subject.load_multi_events(half.clone(), vec![new.clone()]).await.is_err());
    assert_eq!(model.row_count(&subject.at.path(), "Ticket"), tickets.map(|tickets| tickets + 500));
    assert!(matches!(subject.event(fixture.event).await, Err(StoreError::NotFound(_))));
    model.faults(spanner_model::FaultPlan::default());
    assert_eq!(model.row_count(&subject.at.path(), "Event"), before);
    assert!(subject.loads().await.unwrap().iter().all(|load| load.finished));
    assert!(subject.event(other.event).await.is_ok());
    subject.load_multi_events(half.clone(), vec![new.clone()]).await.unwrap();
    assert_eq!(model.row_count(&subject.at.path(), "Ticket"), tickets.map(|tickets| tickets + 500));

    // A second load, or a late copy of a commit of the first, puts nothing up for sale that is sold.
    let account = buyer(&subject).await;
    let first = buy(&subject, &keyed(account.id, &fixture, 0, 10, None)).await.unwrap().sale;
    subject.load_multi_events(half, vec![new]).await.unwrap();
    let mut seats: std::collections::HashSet<u32> = first.seats.seats().collect();
    for _ in 0..49 {
        let sale = buy(&subject, &keyed(account.id, &fixture, 0, 10, None)).await.unwrap().sale;
        assert!(sale.seats.seats().all(|seat| seats.insert(seat)), "a seat was sold twice");
    }
    assert_consistent(&subject).await;
}

/// What an audit must see on Spanner, each written behind the engine's back.
#[tokio::test(flavor = "multi_thread")]
async fn the_audit_names_each_damage() {
    use google_cloud_spanner::mutation::Mutation;
    let subject = subject().await;
    let (fixture, account) = (event_with(&subject, &[100]).await, buyer(&subject).await);
    let sale = buy(&subject, &keyed(account.id, &fixture, 0, 2, Some("k"))).await.unwrap().sale;
    let seat = i64::from(sale.seats.seats().next().unwrap());
    let client = crate::conformance::client(&subject.at).await;
    let shard_of = |seat: i64| (seat - 1) / 64;
    let row = |mutation: google_cloud_spanner::mutation::WriteBuilder, seat: i64| {
        mutation
            .set("EventId")
            .to(fixture.event.to_string())
            .set("CategoryId")
            .to(fixture.categories[0].to_string())
            .set("Shard")
            .to(shard_of(seat))
    };
    let counter = |sold: i64| {
        row(Mutation::new_update_builder("SoldTicketsCounter"), seat).set("Sold").to(sold).build()
    };
    let ticket = |available: Option<bool>, holder: Option<String>| {
        let ticket = row(Mutation::new_update_builder("Ticket"), seat).set("SeqNo").to(seat);
        ticket.set("Available").to(available).set("AccountId").to(holder).build()
    };
    let holder = Some(account.id.to_string());
    for (kind, damage, repair) in [
        ("wrong-counter", counter(3), counter(2)),
        ("sale-without-tickets", ticket(Some(true), None), ticket(None, holder.clone())),
        ("unreadable-row", ticket(Some(true), holder.clone()), ticket(None, holder.clone())),
        ("unknown-account", ticket(None, Some(fixture.event.to_string())), ticket(None, holder)),
    ] {
        client.write_only_transaction().build().write([damage]).await.unwrap();
        let report = subject.audit(Box::new(|_, _| ())).await.unwrap();
        assert!(report.disagreements.iter().any(|found| found.kind == kind), "{kind}: {report:?}");
        client.write_only_transaction().build().write([repair]).await.unwrap();
        let report = subject.audit(Box::new(|_, _| ())).await.unwrap();
        assert_eq!(report.disagreements, [], "after {kind} was repaired");
    }
}

/// A reset beside a shop that sells: whatever was sold meanwhile, nothing is sold twice, and all agrees.
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_beside_sales_sells_nothing_twice() {
    let subject = subject().await;
    let fixture = std::sync::Arc::new(event_with(&subject, &[4_000]).await);
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut buyers = Vec::new();
    for _ in 0..2 {
        let (store, fixture, done) = (subject.store.clone(), fixture.clone(), done.clone());
        buyers.push(tokio::spawn(async move {
            let mut account = buyer(&store).await;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                match buy(&store, &keyed(account.id, &fixture, 0, 3, None)).await {
                    Err(StoreError::NotFound(_)) => account = buyer(&store).await,
                    Err(StoreError::SoldOut { .. }) => tokio::time::sleep(Duration::from_millis(10)).await,
                    answer => drop(answer.unwrap()),
                }
            }
        }));
    }
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let begun = std::time::Instant::now();
        subject.reset(false).await.unwrap();
        println!("reset in {:?}", begun.elapsed());
        let begun = std::time::Instant::now();
        assert_consistent(&subject).await;
        println!("audited in {:?}", begun.elapsed());
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    for buyer in buyers {
        buyer.await.unwrap();
    }
    assert_consistent(&subject).await;
    subject.reset(false).await.unwrap();
    assert_eq!(subject.catalogue_size().await.unwrap().sold, 0);
    assert_eq!(subject.server.0.row_count(&subject.at.path(), "Account"), Some(0));
}
