//! Browsing: what is there, what is on sale, in which order.

use jiff::tz::TimeZone;

use super::{Dates, Subject, event_at, event_with, hours_from_now, mark, new_event};
use crate::model::{EventId, Money, MultiEventId, SaleId};
use crate::store::{Entity, LoadMark, StoreError};

pub async fn the_dates_range_spans_all_events(store: &Subject) {
    event_at(store, &[10], Dates { event: hours_from_now(-24 * 400), sale: hours_from_now(-24 * 500) }).await;
    event_at(store, &[10], Dates { event: hours_from_now(24 * 400), sale: hours_from_now(0) }).await;
    let day = |hours| hours_from_now(hours).to_zoned_datetime(TimeZone::UTC).date();
    let range = store.events_dates_range().await.unwrap();
    assert!(range.from <= day(-24 * 400) && range.to >= day(24 * 400));
}

pub async fn multi_events_come_once_and_in_pages(store: &Subject) {
    // A day of its own, far away, with two events of one multi-event and one each of three others.
    let dates = || Dates { event: hours_from_now(24 * 777), sale: hours_from_now(-1) };
    let day = dates().event.to_zoned_datetime(TimeZone::UTC).date();
    let mut ids = Vec::new();
    for _ in 0..4 {
        let (fixture, venue, mut multi_event) = new_event(&[10], &dates());
        let mut second = multi_event.events[0].clone();
        second.id = EventId::random(&mut rand::rng());
        multi_event.events.push(second);
        store.load_venues(mark("venues"), vec![venue]).await.unwrap();
        store.load_multi_events(mark("tickets"), vec![multi_event]).await.unwrap();
        ids.push(fixture.multi_event);
    }
    event_at(store, &[10], Dates { event: dates().event, sale: hours_from_now(1) }).await;
    ids.sort();

    let all = store.multi_events(day, None, 100).await.unwrap();
    assert_eq!(all.iter().map(|found| found.id).collect::<Vec<_>>(), ids);
    let first = store.multi_events(day, None, 3).await.unwrap();
    assert_eq!(first, all[..3]);
    let rest = store.multi_events(day, Some(first[2].id), 3).await.unwrap();
    assert_eq!(rest, all[3..]);
}

pub async fn only_events_on_sale_are_listed(store: &Subject) {
    let on_sale = event_with(store, &[10]).await;
    let listed = store.events(on_sale.multi_event).await.unwrap();
    assert_eq!(listed.iter().map(|event| event.id).collect::<Vec<_>>(), [on_sale.event]);
    for (event, sale) in [(48, 24), (-1, -48)] {
        let dates = Dates { event: hours_from_now(event), sale: hours_from_now(sale) };
        let other = event_at(store, &[10], dates).await;
        assert_eq!(store.events(other.multi_event).await.unwrap(), []);
    }
}

pub async fn an_event_has_its_facts(store: &Subject) {
    let fixture = event_with(store, &[10, 20]).await;
    let facts = store.event(fixture.event).await.unwrap();
    assert_eq!(facts.summary.name, "Silver Lanterns, night 1");
    assert_eq!((facts.summary.venue.as_str(), facts.summary.country.as_str()), ("Tokyo Dome", "JP"));
    assert_eq!(facts.multi_event, fixture.multi_event);
    let categories: Vec<_> = facts.categories.iter().map(|c| (c.id, c.seats, c.price)).collect();
    let price = Money::from_minor(4_995);
    assert_eq!(categories, [(fixture.categories[0], 10, price), (fixture.categories[1], 20, price)]);
}

pub async fn unknown_things_are_not_found(store: &Subject) {
    let unknown = [7; 16];
    let event = store.event(EventId::from_bytes(unknown)).await;
    assert!(matches!(event, Err(StoreError::NotFound(Entity::Event))));
    let events = store.events(MultiEventId::from_bytes(unknown)).await;
    assert!(matches!(events, Err(StoreError::NotFound(Entity::MultiEvent))));
    let sale = store.sale(SaleId::from_bytes(unknown)).await;
    assert!(matches!(sale, Err(StoreError::NotFound(Entity::Sale))));
}

pub async fn loads_are_remembered(store: &Subject) {
    let (_, venue, _) = new_event(&[10], &Dates::on_sale());
    let half = LoadMark { finished: false, arguments: "of 2".to_owned(), ..mark("venues") };
    store.load_venues(half.clone(), vec![venue]).await.unwrap();
    assert!(store.loads().await.unwrap().contains(&half));

    let (_, venue, _) = new_event(&[10], &Dates::on_sale());
    let whole = LoadMark { finished: true, done: 2, ..half.clone() };
    store.load_venues(whole.clone(), vec![venue]).await.unwrap();
    let loads = store.loads().await.unwrap();
    assert!(loads.contains(&whole) && !loads.contains(&half));
}

pub async fn venues_come_back_as_they_were_loaded(store: &Subject) {
    let (_, venue, _) = new_event(&[10, 20], &Dates::on_sale());
    store.load_venues(mark("venues"), vec![venue.clone()]).await.unwrap();
    assert!(store.venues().await.unwrap().contains(&venue));
}
