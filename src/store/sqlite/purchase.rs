//! One purchase, inside the writer's transaction: look, choose, append.
//!
//! All that can refuse a purchase is checked before anything is written for it, so a refusal needs no
//! rollback and one bad purchase does not fail its group.

use std::collections::HashSet;

use rand::{Rng, SeedableRng, rngs::SmallRng};
use rusqlite::Connection;

use super::inventory::Inventory;
use super::sale_index::{SaleIndex, SharedTail};
use super::{accounts, rows, sales};
use crate::model::{AccountId, Purchase, Sale, is_on_sale};
use crate::store::{Entity, Result, StoreError};

/// Accounts that are remembered to exist: 16 bytes each, forgotten all at once beyond this number.
const KNOWN_ACCOUNTS_MAX: usize = 1 << 18;

/// What the writer keeps in memory of the store, for the purchases of one group after another.
pub(super) struct Ledger {
    pub(super) inventory: Inventory,
    pub(super) index: SaleIndex,
    /// Number of the last sale, committed or of the group at work.
    last_no: i64,
    known_accounts: HashSet<AccountId>,
    rng: SmallRng,
}

impl Ledger {
    pub(super) fn new(index: SaleIndex) -> Self {
        Self {
            inventory: Inventory::default(),
            index,
            last_no: 0,
            known_accounts: HashSet::new(),
            rng: SmallRng::from_rng(&mut rand::rng()),
        }
    }

    /// An empty ledger whose readers share `tail`.
    pub(super) fn with_tail(tail: SharedTail) -> Self {
        Self::new(SaleIndex::new(tail))
    }

    /// Forgets everything and reads anew what must be known before the first purchase.
    pub(super) fn reload(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.inventory.forget();
        self.known_accounts.clear();
        self.last_no = self.index.reload(connection)?;
        Ok(())
    }

    /// Takes in what another process has committed.
    pub(super) fn catch_up(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.inventory.forget();
        self.last_no = self.index.catch_up(connection)?;
        Ok(())
    }

    /// Makes the sale, or finds the one that this purchase made before (then `true`).
    pub(super) fn purchase_tickets(
        &mut self,
        connection: &Connection,
        purchase: &Purchase,
    ) -> Result<(Sale, bool)> {
        if let Some(sale) = self.made_before(connection, purchase)? {
            return if purchase.asks_for(&sale) { Ok((sale, true)) } else { Err(StoreError::KeyReused) };
        }
        self.check_account(connection, purchase.account)?;
        let now = rows::now();
        let start = self.rng.next_u32();
        let category = self.inventory.category(connection, purchase.event, purchase.category)?;
        if !is_on_sale(category.sale_date, category.event_date, now) {
            return Err(StoreError::NotOnSale { from: category.sale_date, until: category.event_date });
        }
        let Some(seats) = category.seats.take_neighbours(purchase.quantity.get(), start) else {
            return Err(StoreError::SoldOut { left: category.seats.free() });
        };
        let (category_no, price) = (category.no, category.price);
        self.inventory.mark_changed(purchase.event, purchase.category);
        let sale = Sale {
            id: purchase.sale,
            account: purchase.account,
            event: purchase.event,
            category: purchase.category,
            seats,
            price,
            purchase_date: now,
            key: purchase.key.clone(),
        };
        self.last_no += 1;
        // The seats are taken in memory already: whatever the error, the group has to be given up.
        sales::insert(connection, self.last_no, category_no, &sale).map_err(StoreError::unavailable)?;
        self.index.add(sale.id, self.last_no);
        Ok((sale, false))
    }

    /// The sale under the id of this purchase.
    fn made_before(&self, connection: &Connection, purchase: &Purchase) -> Result<Option<Sale>> {
        match self.index.find(connection, purchase.sale)? {
            Some(no) => Ok(sales::by_no(connection, no)?),
            None => Ok(None),
        }
    }

    /// Accounts are never deleted while anyone sells, so one that was seen need not be looked up again.
    fn check_account(&mut self, connection: &Connection, account: AccountId) -> Result<()> {
        if self.known_accounts.contains(&account) {
            return Ok(());
        }
        if !accounts::account_exists(connection, account)? {
            return Err(StoreError::NotFound(Entity::Account));
        }
        if self.known_accounts.len() >= KNOWN_ACCOUNTS_MAX {
            self.known_accounts.clear();
        }
        self.known_accounts.insert(account);
        Ok(())
    }
}
