//! What pods say about the files of claims: a claim that every pod leaves out is skipped, one that some pod picks is not.
//!
//! Pods may come in any order and from several workers: the outcome is the same. Grows with the number of claims that pods use: two
//! names and the name of a pod each, some 200 bytes.

use std::collections::HashMap;

use crate::kind::ObjectName;

/// What was said so far.
#[derive(Debug, Default)]
pub struct ClaimUsers(HashMap<ObjectName, Said>);

#[derive(Debug)]
enum Said {
    Picked,
    /// By the pod with the first name of those that did.
    LeftOut(String),
}

impl ClaimUsers {
    /// A pod has the claim's files copied.
    pub fn picked(&mut self, claim: ObjectName) {
        self.0.insert(claim, Said::Picked);
    }

    /// A pod uses the claim and its files are not to be copied.
    pub fn left_out(&mut self, claim: ObjectName, pod: &str) {
        match self.0.get_mut(&claim) {
            None => {
                self.0.insert(claim, Said::LeftOut(pod.to_owned()));
            }
            Some(Said::LeftOut(first)) if pod < first.as_str() => pod.clone_into(first),
            Some(_) => {}
        }
    }

    /// Why the claim's files are not copied, where a pod uses it and none picks it.
    pub fn reason(&self, claim: &ObjectName) -> Option<String> {
        match self.0.get(claim)? {
            Said::Picked => None,
            Said::LeftOut(pod) => Some(format!("opted out due to annotation in pod {pod}")),
        }
    }
}
