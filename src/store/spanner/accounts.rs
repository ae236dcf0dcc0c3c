//! Accounts: one row each, unique by id and by address.

use std::sync::Arc;

use google_cloud_gax::error::rpc::Code;
use google_cloud_spanner::key;
use google_cloud_spanner::key::KeySet;
use google_cloud_spanner::mutation::Mutation;

use super::connection::{Connection, Work, tag};
use super::error::{code, commit_is_undone};
use super::purchase::COMMIT_TIME;
use super::retries::{BoundedAborts, backoff, retries};
use super::rows::{self, ACCOUNT_COLUMNS};
use crate::model::{Account, AccountId, CountryCode, Email, NewAccount};
use crate::store::{CreatedAccount, Entity, Result, StoreError};

/// How often an insert whose outcome is unknown is sent again before it is called so.
const TRIES: u32 = 3;

/// Makes the account or finds the same one. The address is unique by its index, so whoever comes second
/// meets ALREADY_EXISTS; who it was is told by the id.
pub(super) async fn create_account(connection: &Connection, new: &NewAccount) -> Result<CreatedAccount> {
    let mut unknown = None;
    for _ in 0..TRIES {
        match insert(connection, new).await {
            Ok(()) => return Ok(CreatedAccount { account: as_account(new), created: true }),
            Err(error) if code(&error) == Some(Code::AlreadyExists) => break,
            Err(error) if commit_is_undone(&error) && unknown.is_none() => return Err(error.into()),
            Err(error) => unknown = Some(error),
        }
    }
    match (find(connection, &new.email).await, unknown) {
        (Ok(Some(account)), _) => same_or_taken(account, new),
        (_, Some(error)) => Err(StoreError::OutcomeUnknown(Arc::new(error))),
        (Err(error), None) => Err(error),
        (Ok(None), None) => Err(StoreError::damaged("an address exists in its index and not in its table")),
    }
}

async fn insert(connection: &Connection, new: &NewAccount) -> google_cloud_spanner::Result<()> {
    let row = Mutation::new_insert_builder("Account")
        .set("AccountId")
        .to(new.id.to_string())
        .set("EMail")
        .to(new.email.as_str().to_owned())
        .set("Name")
        .to(new.name.as_str().to_owned())
        .set("CountryCode")
        .to(new.country.as_str().to_owned())
        .build();
    let write = connection
        .database
        .write_only_transaction()
        .set_transaction_tag(tag("create_account"))
        .set_commit_priority(connection.priority(Work::Sale))
        .with_begin_retry_policy(retries(COMMIT_TIME))
        .with_begin_backoff_policy(backoff())
        .with_commit_retry_policy(retries(COMMIT_TIME))
        .with_commit_backoff_policy(backoff())
        .with_retry_policy(BoundedAborts::new(COMMIT_TIME))
        .build();
    Box::pin(write.write([row])).await.map(|_| ())
}

/// The account that was found: ours where it has our id, whichever copy of the insert came through.
fn same_or_taken(account: Account, new: &NewAccount) -> Result<CreatedAccount> {
    if account.name != new.name || account.country != new.country {
        return Err(StoreError::EmailTaken);
    }
    Ok(CreatedAccount { created: account.id == new.id, account })
}

fn as_account(new: &NewAccount) -> Account {
    let NewAccount { id, name, email, country } = new.clone();
    Account { id, name, email, country }
}

async fn find(connection: &Connection, email: &Email) -> Result<Option<Account>> {
    let keys = key![email.as_str()];
    let read = connection.by_index("Account", "AccountByEMail", &ACCOUNT_COLUMNS, keys, "account");
    Ok(connection.read(read, rows::account).await?.pop())
}

pub(super) async fn account(connection: &Connection, email: &Email) -> Result<Account> {
    find(connection, email).await?.ok_or(StoreError::NotFound(Entity::Account))
}

pub(super) async fn account_by_id(connection: &Connection, id: AccountId) -> Result<Account> {
    let read = connection.by_key("Account", &ACCOUNT_COLUMNS, key![id.to_string()], "account_by_id");
    connection.read(read, rows::account).await?.pop().ok_or(StoreError::NotFound(Entity::Account))
}

/// Where these accounts are from; unknown ones are left out.
pub(super) async fn countries(
    connection: &Connection,
    accounts: &[AccountId],
) -> Result<Vec<(AccountId, CountryCode)>> {
    let keys = accounts.iter().fold(KeySet::builder(), |keys, id| keys.add_key(key![id.to_string()]));
    let read = connection.by_key("Account", &["AccountId", "CountryCode"], keys.build(), "countries");
    connection.read(read, |mut row| Ok((row.parse(AccountId::parse)?, row.parse(CountryCode::parse)?))).await
}
