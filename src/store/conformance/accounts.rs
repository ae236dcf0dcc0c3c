//! Accounts: one for each address.

use std::collections::HashSet;

use super::{Subject, buyer, new_account};
use crate::model::{AccountName, CountryCode};
use crate::store::StoreError;

pub async fn an_account_is_found_by_address_and_id(store: &Subject) {
    let account = buyer(store).await;
    assert_eq!(store.account(&account.email).await.unwrap(), account);
    assert_eq!(store.account_by_id(account.id).await.unwrap(), account);
}

pub async fn the_same_account_again_is_the_same(store: &Subject) {
    let first = store.create_account(&new_account("again@example.com")).await.unwrap();
    let second = store.create_account(&new_account("again@example.com")).await.unwrap();
    assert!(first.created && !second.created);
    assert_eq!(first.account, second.account);
}

pub async fn an_address_of_another_name_is_refused(store: &Subject) {
    let first = new_account("taken@example.com");
    store.create_account(&first).await.unwrap();
    let mut other_name = new_account("taken@example.com");
    other_name.name = AccountName::parse("Grace Hopper").unwrap();
    let mut other_country = new_account("taken@example.com");
    other_country.country = CountryCode::parse("US").unwrap();
    for other in [other_name, other_country] {
        assert!(matches!(store.create_account(&other).await, Err(StoreError::EmailTaken)));
    }
    assert_eq!(store.account(&first.email).await.unwrap().id, first.id);
}

pub async fn the_same_account_at_once_is_made_once(store: &Subject) {
    let tasks = (0..50).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.create_account(&new_account("rush@example.com")).await.unwrap() })
    });
    let mut created = 0;
    let mut ids = HashSet::new();
    for task in tasks.collect::<Vec<_>>() {
        let answer = task.await.unwrap();
        created += u32::from(answer.created);
        ids.insert(answer.account.id);
    }
    assert_eq!((created, ids.len()), (1, 1));
}
