//! The actions on restore: what makes an object of a backup one that another cluster takes, and that no controller there fights.
//!
//! They see an object without what its old cluster had given it (status, uid, owners) and still in the namespace of the backup. Each is called for the
//! kinds of its manifest only, reads the few fields that it decides by, and answers with a patch of what it means: nothing else of an object passes
//! through here.

pub(crate) mod bindings;
pub(crate) mod claim;
pub(crate) mod definition;
pub(crate) mod image_name;
pub(crate) mod init_hook;
pub(crate) mod job;
mod label_selector;
mod patch;
pub(crate) mod pod;
pub(crate) mod service;
pub(crate) mod skipped;
mod spec;
pub(crate) mod storage_class;
pub(crate) mod token;
pub(crate) mod webhooks;

#[cfg(test)]
mod tests;
