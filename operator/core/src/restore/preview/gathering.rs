//! From what the engine found out item by item to the preview: every object of the plan has a fate, and every message its object.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::key::{Key, key};
use super::messages::Sorted;
use super::{
    BackupSummary, Counts, Difference, Fate, HookPreview, ItemLines, KindPreview, LeftOutPreview, Message,
    MessageLevel, MissingRight, NamespaceFate, NamespacePreview, ObjectPreview, Preview, Remark, Verdict,
};
use crate::kind::{GroupResource, ObjectName};
use crate::restore::existing::ExistingPolicy;
use crate::restore::plan::{LeftOut, PlannedItem, RestorePlan, Tier};
use crate::results::Results;

/// Bytes that the states of all differences may take together. Past it a difference has its patch alone; 4,000 objects of 16 KiB fit.
const DIFFERENCES_LIMIT: usize = 128 << 20;

/// What was found out so far.
#[derive(Debug, Default)]
pub struct Gathering {
    placed: HashMap<Key, Placed>,
    rights: BTreeMap<(&'static str, GroupResource, Option<String>), u64>,
    differences: usize,
    /// Messages that belong to an item although they do not name it in full.
    told: HashSet<Message>,
}

#[derive(Debug)]
struct Placed {
    source: ObjectName,
    place: Place,
}

/// What would become of an item that is ready for the cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Where it stands in the cluster.
    pub object: ObjectName,
    /// What becomes of it.
    pub fate: Fate,
    /// Why, where there is something to say.
    pub reason: Option<String>,
    /// Why the API server could not be asked.
    pub unverified: Option<String>,
    /// What was written into the journal about it.
    pub message: Option<Message>,
    /// From what the cluster has to what the backup has.
    pub difference: Option<Difference>,
    /// Commands that would be run in it.
    pub hooks: Vec<HookPreview>,
}

/// What was found out beside the items.
#[derive(Debug)]
pub struct Findings {
    /// What would be restored from.
    pub backup: BackupSummary,
    /// What would become of objects that exist.
    pub policy: ExistingPolicy,
    /// The namespaces, by name.
    pub namespaces: Vec<NamespacePreview>,
    /// What the engine said about single items.
    pub lines: ItemLines,
    /// Its warnings and errors.
    pub results: Results,
    /// Why it did not come to the end of the plan, if so.
    pub broke_off: Option<String>,
}

impl Gathering {
    /// Takes note of an item. Of two notes about one item the later counts.
    pub fn place(&mut self, item: &PlannedItem, mut place: Place) {
        self.told.extend(place.message.clone());
        if let Some(difference) = &mut place.difference {
            let size = difference.size();
            if self.differences + size > DIFFERENCES_LIMIT {
                difference.forget_states();
            } else {
                self.differences += size;
            }
        }
        self.placed.insert(key(item), Placed { source: item.source.clone(), place });
    }

    /// Takes note of a right that the account lacks.
    pub fn lacks(&mut self, verb: &'static str, resource: &GroupResource, namespace: Option<&str>) {
        *self.rights.entry((verb, resource.clone(), namespace.map(str::to_owned))).or_default() += 1;
    }

    /// Makes the preview.
    pub fn preview(mut self, plan: &RestorePlan, findings: Findings) -> Preview {
        let Findings { backup, policy, namespaces, lines, results, broke_off } = findings;
        let tiers = || plan.definitions.iter().chain(&plan.tiers);
        let known = tiers().map(|tier| &tier.kind).chain(self.placed.keys().map(|(kind, _)| kind));
        let mut sorted = Sorted::of(&results, known.map(ToString::to_string).collect());
        let mut kinds: Vec<KindPreview> = Vec::new();
        for tier in tiers() {
            let objects = tier.items().map(|item| {
                let key = key(&item);
                let messages = sorted.about(&key, &item.source);
                match self.placed.remove(&key) {
                    Some(placed) => placed.object(&messages),
                    None => not_placed(&item, lines.get(&key), &messages, broke_off.as_ref()),
                }
            });
            let objects = objects.collect();
            kinds.push(kind(tier, objects));
        }
        self.add_others(&mut kinds, &mut sorted);
        let mut totals = Counts::default();
        for kind in &mut kinds {
            kind.objects.sort_by_cached_key(ObjectPreview::place);
            kind.objects.iter().for_each(|object| kind.counts.add(object));
            kind.objects.iter().for_each(|object| totals.add(object));
        }
        let missing_rights = self.rights.into_iter().map(|((verb, resource, namespace), objects)| {
            MissingRight { verb, resource, namespace, objects }
        });
        let mut preview = Preview {
            api_version: Preview::API_VERSION,
            kind: Preview::KIND,
            verdict: Verdict::Good,
            backup,
            existing_resource_policy: match policy {
                ExistingPolicy::Unset | ExistingPolicy::None => "none",
                ExistingPolicy::Update => "update",
            },
            totals,
            namespaces,
            kinds,
            left_out: plan.left_out.iter().map(left_out).collect(),
            missing_rights: missing_rights.collect(),
            breaks_off: broke_off,
            others: sorted.rest(&self.told),
            results,
        };
        preview.verdict = verdict(&preview);
        preview
    }

    /// Objects that came with others and are not in the plan themselves.
    fn add_others(&mut self, kinds: &mut Vec<KindPreview>, sorted: &mut Sorted) {
        let mut others: Vec<(Key, Placed)> = self.placed.drain().collect();
        others.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (key, placed) in others {
            let messages = sorted.about(&key, &placed.source);
            let object = placed.object(&messages);
            match kinds.iter_mut().find(|kind| kind.resource == key.0) {
                Some(kind) => kind.objects.push(object),
                None => kinds.push(KindPreview {
                    resource: key.0,
                    pending: false,
                    counts: Counts::default(),
                    objects: vec![object],
                }),
            }
        }
    }
}

fn kind(tier: &Tier, objects: Vec<ObjectPreview>) -> KindPreview {
    KindPreview { resource: tier.kind.clone(), pending: tier.pending, counts: Counts::default(), objects }
}

impl Placed {
    fn object(self, messages: &[&Remark]) -> ObjectPreview {
        let Self { source, place: Place { object, fate, reason, unverified, message, difference, hooks } } =
            self;
        let about =
            messages.iter().map(|remark| &remark.message).filter(|text| Some(*text) != message.as_ref());
        let messages = message.iter().chain(about).cloned().collect();
        ObjectPreview {
            from: (source != object).then_some(source),
            namespace: object.namespace,
            name: object.name,
            fate,
            reason,
            unverified,
            messages,
            difference,
            hooks,
        }
    }
}

/// An item that the cluster was not asked about: what the engine said says why.
fn not_placed(
    item: &PlannedItem,
    lines: Option<&Vec<String>>,
    messages: &[&Remark],
    broke_off: Option<&String>,
) -> ObjectPreview {
    let error = messages.iter().find(|remark| remark.message.level == MessageLevel::Error);
    let (fate, reason) = match (error, lines.and_then(|lines| lines.last()), broke_off) {
        (Some(error), ..) => (Fate::Refuse, Some(error.message.text.clone())),
        (None, Some(line), _) => (Fate::Skip, Some(reason(line).to_owned())),
        (None, None, Some(_)) => (Fate::Unknown, Some("the restore would break off before".into())),
        (None, None, None) => (Fate::Skip, None),
    };
    let object = ObjectName::new(item.target_namespace.as_deref(), &item.source.name);
    ObjectPreview {
        from: (item.source != object).then(|| item.source.clone()),
        namespace: object.namespace,
        name: object.name,
        fate,
        reason,
        unverified: None,
        messages: messages.iter().map(|remark| remark.message.clone()).collect(),
        difference: None,
        hooks: Vec::new(),
    }
}

/// The reason in a line of the log that begins with what comes of it.
fn reason(line: &str) -> &str {
    ["Not restored, because ", "Not restored: "]
        .iter()
        .find_map(|begin| line.strip_prefix(begin))
        .unwrap_or(line)
}

fn left_out(left_out: &LeftOut) -> LeftOutPreview {
    let LeftOut { kind, namespace, name, items, reason } = left_out;
    LeftOutPreview {
        resource: kind.clone(),
        namespace: namespace.clone(),
        name: name.as_deref().map(str::to_owned),
        objects: *items,
        reason: reason.text(),
        error: reason.is_error(),
    }
}

fn verdict(preview: &Preview) -> Verdict {
    let refused = preview.namespaces.iter().any(|namespace| namespace.fate == NamespaceFate::Refuse);
    let left_out = preview.left_out.iter().any(|left_out| left_out.error);
    if refused
        || left_out
        || preview.totals.refuse > 0
        || preview.results.errors.count() > 0
        || preview.breaks_off.is_some()
    {
        Verdict::WouldFail
    } else if preview.missing_rights.is_empty() && preview.totals.unknown == 0 {
        Verdict::Good
    } else {
        Verdict::Incomplete
    }
}
