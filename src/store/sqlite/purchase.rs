//! One purchase, inside the writer's transaction: look, choose, append.
//!
//! All that can refuse a purchase is checked before anything is written for it, so a refusal needs no
//! rollback and one bad purchase does not fail its group.

use foldhash::{HashMap, HashMapExt};
use jiff::Timestamp;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use rusqlite::Connection;

use super::accounts;
use super::inventory::Inventory;
use super::known_sales::KnownSales;
use super::sales::{self, Append};
use super::settle::Settling;
use super::tail::{Marks, Tail, TailSale};
use crate::model::{AccountId, CountryCode, Purchase, Sale, SaleId, is_on_sale};
use crate::store::{Entity, Result, StoreError};

/// Accounts that are remembered to exist: 18 bytes each, forgotten all at once beyond this number.
const KNOWN_ACCOUNTS_MAX: usize = 1 << 18;

/// What came of a purchase, before its group is committed.
pub(super) struct Made {
    pub(super) sale: Sale,
    /// Whether it had been made before, by the same purchase.
    pub(super) replayed: bool,
    /// Where the buyer is from; not looked up for a sale that was made before.
    pub(super) country: Option<CountryCode>,
}

/// What the writer keeps in memory of the store, for the purchases of one group after another.
pub(super) struct Ledger {
    inventory: Inventory,
    settling: Settling,
    known_sales: KnownSales,
    /// Sales of the group at work, which nobody else may see yet.
    group: Vec<TailSale>,
    group_ids: HashMap<SaleId, i64>,
    /// Number of the last sale, committed or of the group at work.
    last_no: i64,
    known_accounts: HashMap<AccountId, CountryCode>,
    rng: SmallRng,
}

impl Ledger {
    pub(super) fn new(settling: Settling, known_sales: KnownSales) -> Self {
        Self {
            inventory: Inventory::default(),
            settling,
            known_sales,
            group: Vec::new(),
            group_ids: HashMap::new(),
            last_no: 0,
            known_accounts: HashMap::new(),
            rng: SmallRng::from_rng(&mut rand::rng()),
        }
    }

    /// Forgets everything and reads anew what must be known before the first purchase.
    pub(super) fn reload(&mut self, connection: &Connection, marks: Marks) -> Result<()> {
        self.inventory.forget();
        self.known_accounts.clear();
        self.settling.forget();
        self.clear_group();
        let mut tail = Tail::behind(marks);
        self.last_no = marks.settled_up_to;
        self.known_sales.renew(marks.settled_up_to as usize);
        self.take_in(connection, |sale| tail.add(sale))?;
        self.settling.tail().replace(tail);
        Ok(())
    }

    /// Takes in what another process has committed.
    pub(super) fn catch_up(&mut self, connection: &Connection) -> Result<()> {
        let mut later = Vec::new();
        self.take_in(connection, |sale| later.push(sale))?;
        self.settling.tail().add(later);
        Ok(())
    }

    /// Reads the ledger behind what is known.
    fn take_in(&mut self, connection: &Connection, mut add: impl FnMut(TailSale)) -> Result<()> {
        sales::later(connection, self.last_no, |sale| {
            self.inventory.take_in(connection, &sale)?;
            self.known_sales.add(sale.id);
            self.last_no = sale.no;
            add(sale.into());
            Ok(())
        })
    }

    /// Makes the sale, or finds the one that this purchase made before.
    pub(super) fn purchase_tickets(
        &mut self,
        connection: &Connection,
        append: &mut Append<'_>,
        purchase: &Purchase,
        now: Timestamp,
    ) -> Result<Made> {
        if let Some(sale) = self.made_before(connection, purchase)? {
            return if purchase.asks_for(&sale) {
                Ok(Made { sale, replayed: true, country: None })
            } else {
                Err(StoreError::KeyReused)
            };
        }
        let country = self.country_of(connection, purchase.account)?;
        let start = self.rng.next_u32();
        let (place, category) = self.inventory.category(connection, purchase.event, purchase.category)?;
        if !is_on_sale(category.sale_date, category.event_date, now) {
            return Err(StoreError::NotOnSale { from: category.sale_date, until: category.event_date });
        }
        let Some(seats) = category.seats.take_neighbours(purchase.quantity.get(), start) else {
            return Err(StoreError::SoldOut { left: category.seats.free() });
        };
        let (category_no, price) = (category.no, category.price);
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
        let no = self.last_no;
        self.inventory.sold(place, no);
        // The seats are taken in memory already: whatever the error, the group has to be given up.
        append.sale(no, category_no, &sale).map_err(StoreError::unavailable)?;
        self.group.push(TailSale { no, id: sale.id, category_no, tickets: sale.seats.count() });
        self.group_ids.insert(sale.id, no);
        self.known_sales.add(sale.id);
        Ok(Made { sale, replayed: false, country: Some(country) })
    }

    /// Lets index and counters follow, inside the group's transaction.
    pub(super) fn settle_some(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let sales = self.group.len();
        self.settling.settle_some(connection, &mut self.inventory, sales, self.last_no)
    }

    /// Shows the group's sales to readers once they are committed.
    pub(super) fn committed(&mut self) {
        self.settling.tail().add(self.group.drain(..));
        self.group_ids.clear();
        self.settling.committed(&mut self.inventory, self.last_no);
        if self.known_sales.is_full() {
            let Self { known_sales, settling, last_no, .. } = self;
            known_sales.renew(*last_no as usize);
            settling.tail().each_id(|id| known_sales.add(id));
        }
    }

    fn clear_group(&mut self) {
        self.group.clear();
        self.group_ids.clear();
    }

    /// The sale under the id of this purchase, from the group at work, the tail or the index.
    fn made_before(&mut self, connection: &Connection, purchase: &Purchase) -> Result<Option<Sale>> {
        let id = purchase.sale;
        if self.known_sales.is_new(id) {
            return Ok(None);
        }
        let in_memory = self.group_ids.get(&id).copied().or_else(|| self.settling.tail().get(id));
        let no = match in_memory {
            Some(no) => Some(no),
            None => sales::indexed(connection, id)?,
        };
        match no {
            Some(no) => Ok(sales::by_no(connection, no)?),
            None => Ok(None),
        }
    }

    /// Where an account is from. Accounts are never deleted while anyone sells, so one that was seen need not
    /// be looked up again.
    fn country_of(&mut self, connection: &Connection, account: AccountId) -> Result<CountryCode> {
        if let Some(&country) = self.known_accounts.get(&account) {
            return Ok(country);
        }
        let country = accounts::country(connection, account)?.ok_or(StoreError::NotFound(Entity::Account))?;
        if self.known_accounts.len() >= KNOWN_ACCOUNTS_MAX {
            self.known_accounts.clear();
        }
        self.known_accounts.insert(account, country);
        Ok(country)
    }
}
