//! What is in a backup and is never restored: `velero.io/apiservice` and `velero.io/dataupload`.

use lateen_action::{NoParams, Outcome};
use serde::Deserialize;

/// An object of which nothing matters.
#[derive(Deserialize)]
pub(crate) struct Unread {}

/// The manifest names those that the API server makes by itself, for its own kinds and for custom ones.
pub(crate) fn api_service(_: &Unread, _: &NoParams) -> Result<Outcome, String> {
    Ok(Outcome::skip("the API server makes this APIService by itself"))
}

/// A record of what a data mover did. A controller would take it for a new order.
pub(crate) fn data_upload(_: &Unread, _: &NoParams) -> Result<Outcome, String> {
    Ok(Outcome::skip("a DataUpload is the record of an upload of the backup, and would begin another one"))
}
