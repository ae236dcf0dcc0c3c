//! Accounts, and what they have bought.

use super::{SaleDetails, Shop};
use crate::model::{Account, AccountId, AccountName, CountryCode, Email, NewAccount};
use crate::store::{CreatedAccount, Result};

/// Most sales that are shown with an account: the newest.
pub const SALES_MAX: usize = 1_000;

/// An account with its newest sales.
#[derive(Debug, Clone)]
pub struct AccountDetails {
    /// The account.
    pub account: Account,
    /// Its sales, the newest first, at most [`SALES_MAX`].
    pub sales: Vec<SaleDetails>,
}

impl Shop {
    /// Makes an account; the same again finds it.
    ///
    /// # Errors
    /// [`super::ShopError::EmailTaken`] where the address belongs to another name or country.
    pub async fn create_account(
        &self,
        name: AccountName,
        email: Email,
        country: CountryCode,
    ) -> Result<CreatedAccount> {
        let id = AccountId::random(&mut rand::rng());
        self.store().create_account(&NewAccount { id, name, email, country }).await
    }

    /// The account with this address and its tickets.
    ///
    /// # Errors
    /// [`super::ShopError::NotFound`].
    pub async fn account(&self, email: &Email) -> Result<AccountDetails> {
        let account = self.store().account(email).await?;
        let sales = self.sales(account.id, SALES_MAX).await?;
        Ok(AccountDetails { account, sales })
    }

    /// The newest sales of an account, at most `limit`.
    ///
    /// # Errors
    /// [`super::ShopError::Unavailable`].
    pub async fn sales(&self, account: AccountId, limit: usize) -> Result<Vec<SaleDetails>> {
        let mut sales = Vec::new();
        for sale in self.store().sales(account, limit).await? {
            let event = self.event_facts(sale.event).await?;
            sales.push(SaleDetails { sale, event });
        }
        Ok(sales)
    }
}
