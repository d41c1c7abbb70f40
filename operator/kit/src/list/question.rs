//! Asks the server of a namespace for its actions, the way `velero plugin get` does: with a ServerStatusRequest, which is taken back afterwards.

use std::time::Duration;

use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, PostParams},
};
use lateen_api::{
    item_actions::{self, ItemActionEntry},
    labels::annotations::ITEM_ACTIONS,
    v1::{ServerStatusRequest, ServerStatusRequestPhase},
};
use lateen_cluster::request::RequestError;
use tokio::time::{interval, timeout};

/// A server that is there answers within a second.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often the answer is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    /// The API server does not take the question, or does not show it any more.
    #[error("the server cannot be asked: {0}")]
    Request(RequestError),
    /// Nobody is there.
    #[error("no server answered within {} s", PATIENCE.as_secs())]
    Silence,
    /// It knows another server's way to answer.
    #[error("the server {version:?} does not tell its actions")]
    Stranger { version: String },
    /// It is not what a server writes.
    #[error("the server's answer cannot be read: {0}")]
    Unreadable(serde_json::Error),
}

/// The actions in use, in the order in which they are called.
pub(super) async fn ask(client: &Client, namespace: &str) -> Result<Vec<ItemActionEntry>, Unanswered> {
    let requests: Api<ServerStatusRequest> = Api::namespaced(client.clone(), namespace);
    let mut question = ServerStatusRequest::default();
    question.metadata.generate_name = Some("lateen-cli-".to_owned());
    let asked = requests.create(&PostParams::default(), &question).await.map_err(refused)?;
    let name = asked.name_any();
    let answer = timeout(PATIENCE, answer(&requests, &name)).await;
    // If it stays, the server that answered removes it.
    let _ = requests.delete(&name, &DeleteParams::default()).await;
    let answer = answer.map_err(|_| Unanswered::Silence)??;
    let Some(actions) = answer.annotations().get(ITEM_ACTIONS) else {
        return Err(Unanswered::Stranger {
            version: answer.status.map(|status| status.server_version).unwrap_or_default(),
        });
    };
    item_actions::read(actions).map_err(Unanswered::Unreadable)
}

async fn answer(requests: &Api<ServerStatusRequest>, name: &str) -> Result<ServerStatusRequest, Unanswered> {
    let mut look = interval(LOOK_EVERY);
    loop {
        look.tick().await;
        let request = requests.get(name).await.map_err(refused)?;
        if *request.phase() == ServerStatusRequestPhase::Processed {
            return Ok(request);
        }
    }
}

fn refused(error: kube::Error) -> Unanswered {
    Unanswered::Request(error.into())
}
