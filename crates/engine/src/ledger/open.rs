//! Opening a ledger, and beginning one.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use tiers_core::record::{Actor, FORMAT, Genesis, Stream, WRITER};

use super::append::{Budget, Pending, Sent, send};
use super::error::LedgerError;
use crate::mutation::{Mutation, is_on};
use crate::port::clock::Clock;
use crate::port::ids::Ids;
use crate::port::log::{Log, LogError};
use crate::port::seen::Seen;

/// A ledger that was opened. Clones share what the process knows of unanswered appends.
#[derive(Clone)]
pub struct Ledger {
    pub(super) log: Rc<dyn Log>,
    pub(super) clock: Rc<dyn Clock>,
    pub(super) ids: Rc<dyn Ids>,
    pub(super) seen: Rc<dyn Seen>,
    pub(super) genesis: Genesis,
    pub(super) budget: Budget,
    pub(super) pending: Rc<RefCell<BTreeMap<Stream, Pending>>>,
}

impl Ledger {
    /// Opens the ledger that lies there; [`LedgerError::Absent`] where none does.
    pub async fn open(
        log: Rc<dyn Log>,
        clock: Rc<dyn Clock>,
        ids: Rc<dyn Ids>,
        seen: Rc<dyn Seen>,
    ) -> Result<Ledger, LedgerError> {
        let budget = Budget::default();
        let Some(bytes) = read_patiently(&*log, &*clock, &budget, Genesis::KEY).await? else {
            return Err(LedgerError::Absent { place: log.describe() });
        };
        let genesis = Genesis::parse(&bytes).map_err(|why| LedgerError::Genesis {
            place: log.describe(),
            key: Genesis::KEY.to_owned(),
            why,
        })?;
        Ok(Ledger { log, clock, ids, seen, genesis, budget, pending: Rc::default() })
    }

    /// Begins a ledger, or opens the one that lies there already: of two that begin at once, both get the first one's.
    pub async fn init(
        log: Rc<dyn Log>,
        clock: Rc<dyn Clock>,
        ids: Rc<dyn Ids>,
        seen: Rc<dyn Seen>,
        by: Actor,
    ) -> Result<Ledger, LedgerError> {
        let budget = Budget::default();
        if read_patiently(&*log, &*clock, &budget, Genesis::KEY).await?.is_none() {
            let genesis = Genesis { format: FORMAT, ledger: ids.nonce(), min_writer: WRITER, at: clock.now(), by };
            let bytes = Bytes::from(genesis.to_bytes());
            match send(&*log, &*clock, &budget, Genesis::KEY, &bytes).await {
                Sent::Ours | Sent::Theirs(_) => {}
                Sent::Unknown(why) => return Err(LogError::Unavailable { key: Genesis::KEY.to_owned(), why }.into()),
                Sent::Refused(why) => return Err(LedgerError::NotCreated { place: log.describe(), why }),
            }
        }
        Ledger::open(log, clock, ids, seen).await
    }

    /// The same ledger with other bounds on retries.
    pub fn with_budget(mut self, budget: Budget) -> Ledger {
        self.budget = budget;
        self
    }

    /// The ledger's identity.
    pub fn id(&self) -> &str {
        &self.genesis.ledger
    }

    /// What the ledger began with.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Where it lies, for messages.
    pub fn describe(&self) -> String {
        self.log.describe()
    }

    /// An error where this program may read and not append.
    pub fn check_writable(&self) -> Result<(), LedgerError> {
        let needs = self.genesis.min_writer;
        if needs <= WRITER { Ok(()) } else { Err(LedgerError::NeedsNewerWriter { place: self.describe(), needs }) }
    }

    pub(super) async fn read_object(&self, key: &str) -> Result<Option<Bytes>, LogError> {
        read_patiently(&*self.log, &*self.clock, &self.budget, key).await
    }
}

async fn read_patiently(
    log: &dyn Log,
    clock: &dyn Clock,
    budget: &Budget,
    key: &str,
) -> Result<Option<Bytes>, LogError> {
    match budget.patiently(clock, async || log.read(key).await).await {
        Err(LogError::Denied { .. }) if is_on(Mutation::DeniedIsAbsent) => Ok(None),
        answer => answer,
    }
}
