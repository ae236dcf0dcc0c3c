//! Accounts: one row each, unique by id and by address.

use rusqlite::{Connection, OptionalExtension, params};

use super::rows;
use crate::model::{Account, AccountId, Email, NewAccount};
use crate::store::{CreatedAccount, Entity, Result, StoreError};

const BY_EMAIL: &str = "SELECT AccountId, Name, Email, CountryCode FROM Account WHERE Email = ?1";
const BY_ID: &str = "SELECT AccountId, Name, Email, CountryCode FROM Account WHERE AccountId = ?1";
const EXISTS: &str = "SELECT 1 FROM Account WHERE AccountId = ?1";
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

pub(super) fn account_exists(connection: &Connection, id: AccountId) -> rusqlite::Result<bool> {
    connection.prepare_cached(EXISTS)?.exists([id])
}
