//! Accounts: one row each, unique by id and by address.

use rusqlite::{Connection, OptionalExtension, params};

use super::rows;
use crate::model::{Account, AccountId, CountryCode, Email, NewAccount};
use crate::store::{CreatedAccount, Entity, Result, StoreError};

const BY_EMAIL: &str = "SELECT AccountId, Name, Email, CountryCode FROM Account WHERE Email = ?1";
const BY_ID: &str = "SELECT AccountId, Name, Email, CountryCode FROM Account WHERE AccountId = ?1";
const COUNTRY: &str = "SELECT CountryCode FROM Account WHERE AccountId = ?1";
const INSERT: &str = "INSERT INTO Account (AccountId, Email, Name, CountryCode) VALUES (?1, ?2, ?3, ?4)";

/// Makes the account or finds the same one, inside the writer's transaction.
pub(super) fn create_account(connection: &Connection, new: &NewAccount) -> Result<CreatedAccount> {
    match find(connection, &new.email)? {
        Some(account) if account.name == new.name && account.country == new.country => {
            Ok(CreatedAccount { account, created: false })
        }
        Some(_) => Err(StoreError::EmailTaken),
        None => {
            connection.prepare_cached(INSERT)?.execute(params![new.id, new.email, new.name, new.country])?;
            let NewAccount { id, name, email, country } = new.clone();
            Ok(CreatedAccount { account: Account { id, name, email, country }, created: true })
        }
    }
}

fn find(connection: &Connection, email: &Email) -> rusqlite::Result<Option<Account>> {
    connection.prepare_cached(BY_EMAIL)?.query_row([email], rows::account).optional()
}

pub(super) fn account(connection: &Connection, email: &Email) -> Result<Account> {
    find(connection, email)?.ok_or(StoreError::NotFound(Entity::Account))
}

pub(super) fn account_by_id(connection: &Connection, id: AccountId) -> Result<Account> {
    let found = connection.prepare_cached(BY_ID)?.query_row([id], rows::account).optional()?;
    found.ok_or(StoreError::NotFound(Entity::Account))
}

/// Where the account is from; `None` where there is no such account.
pub(super) fn country(connection: &Connection, id: AccountId) -> rusqlite::Result<Option<CountryCode>> {
    connection.prepare_cached(COUNTRY)?.query_row([id], |row| row.get(0)).optional()
}

/// Where these accounts are from; unknown ones are left out.
pub(super) fn countries(
    connection: &Connection,
    accounts: &[AccountId],
) -> Result<Vec<(AccountId, CountryCode)>> {
    let mut found = Vec::with_capacity(accounts.len());
    for &account in accounts {
        found.extend(country(connection, account)?.map(|country| (account, country)));
    }
    Ok(found)
}
