//! One call with an item: what functions reach, and what they leave behind.

use std::cell::{Cell, RefCell};

use jaq_core::{DataT, Lut, data::HasLut};
use jaq_json::Val;
use lateen_engine_kit::{Host, ObjectRef};

/// The data of a filter: values are jaq's own, and functions reach the [`Call`].
pub(crate) struct Jq;

impl DataT for Jq {
    type V<'a> = Val;
    type Data<'a> = Seat<'a>;
}

/// What a running filter holds.
#[derive(Clone, Copy)]
pub(crate) struct Seat<'a> {
    /// The program.
    pub(crate) lut: &'a Lut<Jq>,
    /// The call.
    pub(crate) call: &'a Call<'a>,
}

impl<'a> HasLut<'a, Jq> for Seat<'a> {
    fn lut(&self) -> &'a Lut<Jq> {
        self.lut
    }
}

/// What the script's functions have said so far.
pub(crate) struct Call<'a> {
    /// Who answers them.
    pub(crate) host: &'a dyn Host,
    /// The first reason to leave the item out.
    pub(crate) skip: RefCell<Option<String>>,
    /// Related objects, in order.
    pub(crate) related: RefCell<Vec<ObjectRef>>,
    /// Related objects come in whatever the filters say.
    pub(crate) must_include: Cell<bool>,
}

impl<'a> Call<'a> {
    /// Nothing said yet.
    pub(crate) fn new(host: &'a dyn Host) -> Self {
        Self { host, skip: RefCell::default(), related: RefCell::default(), must_include: Cell::default() }
    }
}
