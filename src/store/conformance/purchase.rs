//! Purchases, one after another.

use std::time::{Duration, Instant};

use super::{
    Dates, Subject, assert_consistent, buy, buyer, event_at, event_with, hours_from_now, keyed, purchase,
    sold,
};
use crate::model::{AccountId, CategoryId, EventId, Money};
use crate::store::{Entity, StoreError};

pub async fn a_purchase_is_found_everywhere(store: &Subject) {
    let (fixture, account) = (event_with(store, &[100]).await, buyer(store).await);
    let purchased = buy(store, &purchase(account.id, &fixture, 0, 4)).await.unwrap();
    let sale = purchased.sale;
    assert!(!purchased.replayed);
    assert_eq!((sale.account, sale.event, sale.category), (account.id, fixture.event, fixture.categories[0]));
    assert_eq!((sale.price, sale.total()), (Money::from_minor(4_995), Money::from_minor(19_980)));
    let age = jiff::Timestamp::now().duration_since(sale.purchase_date);
    assert!(age.as_secs().abs() < 60, "sold {age:?} ago");

    assert_eq!(store.sale(sale.id).await.unwrap(), sale);
    assert_eq!(store.sales(account.id, 10).await.unwrap(), [sale]);
    assert_eq!(sold(store, &fixture).await, 4);
    assert_consistent(store).await;
}

pub async fn seats_are_neighbours_where_there_are_any(store: &Subject) {
    let (fixture, account) = (event_with(store, &[40]).await, buyer(store).await);
    // Four runs of ten cannot all be kept, but while ten neighbours are free the ten are neighbours.
    let first = buy(store, &purchase(account.id, &fixture, 0, 10)).await.unwrap().sale;
    assert_eq!(first.seats.ranges().len(), 1);
    let mut taken: Vec<u32> = first.seats.seats().collect();
    while taken.len() < 40 {
        let quantity = (40 - taken.len()).min(3) as i64;
        let sale = buy(store, &purchase(account.id, &fixture, 0, quantity)).await.unwrap().sale;
        taken.extend(sale.seats.seats());
    }
    taken.sort_unstable();
    assert_eq!(taken, (1..=40).collect::<Vec<_>>());
}

pub async fn the_same_purchase_again_is_the_same_sale(store: &Subject) {
    let (fixture, account) = (event_with(store, &[100]).await, buyer(store).await);
    for wish in [keyed(account.id, &fixture, 0, 3, Some("k1")), purchase(account.id, &fixture, 0, 3)] {
        let before = sold(store, &fixture).await;
        let first = buy(store, &wish).await.unwrap();
        let second = buy(store, &wish).await.unwrap();
        assert!(!first.replayed && second.replayed);
        assert_eq!(first.sale, second.sale);
        assert_eq!(sold(store, &fixture).await, before + 3);
    }
}

pub async fn a_key_with_another_body_is_refused(store: &Subject) {
    let (fixture, other) = (event_with(store, &[100, 100]).await, event_with(store, &[100]).await);
    let account = buyer(store).await;
    let first = buy(store, &keyed(account.id, &fixture, 0, 3, Some("k"))).await.unwrap().sale;
    for changed in [
        keyed(account.id, &fixture, 0, 2, Some("k")),
        keyed(account.id, &fixture, 1, 3, Some("k")),
        keyed(account.id, &other, 0, 3, Some("k")),
    ] {
        assert!(matches!(buy(store, &changed).await, Err(StoreError::KeyReused)));
    }
    assert_eq!(store.sales(account.id, 10).await.unwrap(), [first]);
    assert_consistent(store).await;
}

pub async fn a_key_belongs_to_its_account(store: &Subject) {
    let fixture = event_with(store, &[100]).await;
    for _ in 0..2 {
        let account = buyer(store).await;
        let purchased = buy(store, &keyed(account.id, &fixture, 0, 1, Some("same"))).await.unwrap();
        assert!(!purchased.replayed);
    }
    assert_eq!(sold(store, &fixture).await, 2);
}

pub async fn what_is_unknown_is_not_sold(store: &Subject) {
    let (fixture, other) = (event_with(store, &[100]).await, event_with(store, &[100]).await);
    let account = buyer(store).await;
    let good = purchase(account.id, &fixture, 0, 1);
    let mut wishes = vec![good; 4];
    wishes[0].account = AccountId::from_bytes([7; 16]);
    wishes[1].event = EventId::from_bytes([7; 16]);
    wishes[2].category = CategoryId::from_bytes([7; 16]);
    wishes[3].category = other.categories[0];
    let missing = [Entity::Account, Entity::Event, Entity::Category, Entity::Category];
    for (wish, missing) in wishes.iter().zip(missing) {
        let answer = buy(store, wish).await;
        assert!(matches!(&answer, Err(StoreError::NotFound(entity)) if *entity == missing), "{answer:?}");
    }
    assert_eq!(sold(store, &fixture).await, 0);
}

pub async fn what_is_not_on_sale_is_not_sold(store: &Subject) {
    let account = buyer(store).await;
    for (event, sale) in [(48, 24), (-1, -48)] {
        let dates = Dates { event: hours_from_now(event), sale: hours_from_now(sale) };
        let fixture = event_at(store, &[100], dates).await;
        let answer = buy(store, &purchase(account.id, &fixture, 0, 1)).await;
        assert!(matches!(answer, Err(StoreError::NotOnSale { .. })), "{answer:?}");
        assert_eq!(sold(store, &fixture).await, 0);
    }
}

pub async fn sold_out_tells_what_is_left(store: &Subject) {
    let (fixture, account) = (event_with(store, &[12]).await, buyer(store).await);
    buy(store, &purchase(account.id, &fixture, 0, 10)).await.unwrap();
    for _ in 0..2 {
        let answer = buy(store, &purchase(account.id, &fixture, 0, 3)).await;
        assert!(matches!(answer, Err(StoreError::SoldOut { left: 2 })), "{answer:?}");
    }
    buy(store, &purchase(account.id, &fixture, 0, 2)).await.unwrap();
    let answer = buy(store, &purchase(account.id, &fixture, 0, 1)).await;
    assert!(matches!(answer, Err(StoreError::SoldOut { left: 0 })), "{answer:?}");
    assert_eq!(sold(store, &fixture).await, 12);
}

pub async fn a_repeat_after_sold_out_finds_its_sale(store: &Subject) {
    let (fixture, account) = (event_with(store, &[5]).await, buyer(store).await);
    let wish = keyed(account.id, &fixture, 0, 5, Some("last"));
    let first = buy(store, &wish).await.unwrap();
    let again = buy(store, &wish).await.unwrap();
    assert_eq!((again.sale, again.replayed), (first.sale, true));
}

pub async fn past_its_deadline_a_purchase_is_not_begun(store: &Subject) {
    let (fixture, account) = (event_with(store, &[5]).await, buyer(store).await);
    let wish = keyed(account.id, &fixture, 0, 1, Some("late"));
    let past = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
    let answer = store.purchase_tickets(&wish, past).await;
    assert!(matches!(answer, Err(StoreError::Overloaded)), "{answer:?}");
    assert_eq!(sold(store, &fixture).await, 0);
    assert!(!buy(store, &wish).await.unwrap().replayed);
}

pub async fn sales_of_an_account_come_newest_first(store: &Subject) {
    let (fixture, account, other) = (event_with(store, &[100]).await, buyer(store).await, buyer(store).await);
    let mut sales = Vec::new();
    for quantity in 1..=5 {
        sales.insert(0, buy(store, &purchase(account.id, &fixture, 0, quantity)).await.unwrap().sale);
        buy(store, &purchase(other.id, &fixture, 0, 1)).await.unwrap();
    }
    assert_eq!(store.sales(account.id, 100).await.unwrap(), sales);
    assert_eq!(store.sales(account.id, 2).await.unwrap(), sales[..2]);
}

pub async fn after_a_reset_everything_is_for_sale(store: &Subject) {
    let (fixture, account) = (event_with(store, &[10]).await, buyer(store).await);
    let wish = keyed(account.id, &fixture, 0, 10, Some("k"));
    let sale = buy(store, &wish).await.unwrap().sale;
    store.reset(false).await.unwrap();
    assert_eq!(sold(store, &fixture).await, 0);
    assert!(matches!(store.sale(sale.id).await, Err(StoreError::NotFound(Entity::Sale))));
    assert!(matches!(buy(store, &wish).await, Err(StoreError::NotFound(Entity::Account))));

    let account = buyer(store).await;
    assert!(!buy(store, &keyed(account.id, &fixture, 0, 10, Some("k"))).await.unwrap().replayed);
    store.reset(true).await.unwrap();
    assert!(matches!(store.event(fixture.event).await, Err(StoreError::NotFound(Entity::Event))));
    assert_eq!((store.venues().await.unwrap().len(), store.loads().await.unwrap().len()), (0, 0));
    assert_consistent(store).await;
}
