//! `lateen actions pack`: an action as ConfigMaps, ready for `kubectl apply -f -`.

mod chunks;

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use k8s_openapi::{ByteString, api::core::v1::ConfigMap};
use lateen_actions::compile::CompileOptions;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use sha2::{Digest, Sha256};

use crate::{
    KitError, Screen, Verdict,
    args::{Compress, PackArgs},
    delivery::{self, Delivery, Named},
    limits, measure,
    screen::line,
    workbench::Workbench,
};

/// `kubectl apply` keeps what it applied in an annotation, and annotations end at 256 KiB; base64 and the rest leave 180 of them.
const CLIENT_SIDE: usize = 180 << 10;

/// Carries out the command.
pub(crate) async fn pack(
    args: &PackArgs,
    compile: &CompileOptions,
    screen: &mut Screen<'_>,
) -> Result<Verdict, KitError> {
    let path = args.path.display();
    let Delivery::Actions(mut maps) = delivery::read(&args.path, args.component.file.as_deref())? else {
        return Err(KitError::Usage(format!(
            "{path} is a component; give the folder of its action.yaml, and --component {path}"
        )));
    };
    let (Some(configmap), true) = (maps.pop(), maps.is_empty()) else {
        return Err(KitError::Usage(format!("{path} has several ConfigMaps; give the folder of one action")));
    };
    let bench = Workbench::load(std::slice::from_ref(&configmap), compile).await?;
    if let Some(problem) = bench.reports.iter().find_map(|report| report.outcome.as_ref().err()) {
        screen.remark(&format!("{} {}", screen.paint.red("the action cannot be used:"), line(problem)))?;
        return Ok(Verdict::Bad);
    }
    let packed = Packed::new(configmap, args)?;
    screen.say(&packed.text()?)?;
    screen.remark(&screen.paint.dim(&packed.summary()))?;
    Ok(Verdict::Good)
}

/// An action in ConfigMaps, those with chunks first: when the manifest arrives, everything else is there.
struct Packed {
    action: String,
    configmaps: Vec<ConfigMap>,
    component: Option<Sizes>,
    largest: usize,
}

struct Sizes {
    unpacked: usize,
    packed: usize,
    how: &'static str,
}

impl Packed {
    fn new(mut configmap: ConfigMap, args: &PackArgs) -> Result<Self, KitError> {
        let manifest = delivery::manifest(&configmap).unwrap_or_default().to_owned();
        let named = Named::read(&manifest);
        let name = args.name.clone().unwrap_or_else(|| delivery::object_name(&named.name));
        valid_name(&name)?;
        configmap.metadata.name = Some(name);
        configmap.metadata.namespace = Some(args.namespace.clone());
        let mut component = None;
        let mut configmaps = Vec::new();
        if let Some(key) = &named.component
            && let Some(bytes) = delivery::value(&configmap, key).map(<[u8]>::to_vec)
        {
            let (packed, how) = compressed(&bytes, args.compress)?;
            component = Some(Sizes { unpacked: bytes.len(), packed: packed.len(), how });
            if let Some(data) = &mut configmap.data {
                data.remove(key);
            }
            if let Some(data) = &mut configmap.binary_data {
                data.remove(key);
            }
            if packed.len() + manifest.len() <= args.chunk_size {
                configmap.binary_data.get_or_insert_default().insert(key.clone(), ByteString(packed));
            } else {
                let sha256 = hex::encode(Sha256::digest(&bytes));
                configmaps = chunks::split(&mut configmap, key, &packed, &sha256, args.chunk_size)?;
            }
        }
        configmaps.push(configmap);
        let largest = configmaps.iter().map(size).max().unwrap_or(0);
        if largest > limits::CONFIGMAP {
            let size = measure::bytes(largest);
            return Err(KitError::Content(format!(
                "a ConfigMap would have {size}; it holds 1 MiB, all keys together"
            )));
        }
        Ok(Self { action: named.name, configmaps, component, largest })
    }

    fn text(&self) -> Result<String, KitError> {
        let mut text = format!("# Item action {}.", line(&self.action));
        text += if self.largest > CLIENT_SIDE {
            " Too large for the annotation of kubectl apply: use kubectl apply --server-side -f -\n"
        } else {
            " Made by lateen actions pack, for kubectl apply -f -\n"
        };
        for configmap in &self.configmaps {
            let yaml = serde_yaml_ng::to_string(configmap)
                .map_err(|error| KitError::Content(format!("cannot write the ConfigMap: {error}")))?;
            text += "---\n";
            text += &yaml;
        }
        Ok(text)
    }

    fn summary(&self) -> String {
        let mut text =
            format!("{}: {}", line(&self.action), measure::count(self.configmaps.len(), "ConfigMap"));
        if let Some(Sizes { unpacked, packed, how }) = &self.component {
            text += &format!(", component {}", measure::bytes(*unpacked));
            if packed != unpacked {
                text += &format!(", {} with {how}", measure::bytes(*packed));
            }
        }
        text
    }
}

/// The smallest, or what was asked for.
fn compressed(bytes: &[u8], how: Compress) -> Result<(Vec<u8>, &'static str), KitError> {
    let gzip = || {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes)?;
        Ok::<_, KitError>((encoder.finish()?, "gzip"))
    };
    let zstd = || (compress_zstd(bytes), "zstd");
    let plain = || (bytes.to_vec(), "nothing");
    Ok(match how {
        Compress::None => plain(),
        Compress::Gzip => gzip()?,
        Compress::Zstd => zstd(),
        Compress::Auto => {
            let mut all = [plain(), gzip()?, zstd()];
            all.sort_by_key(|(packed, _)| packed.len());
            let [smallest, ..] = all;
            smallest
        }
    })
}

/// With the one level that the pure Rust encoder has.
pub(crate) fn compress_zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// What the API server counts.
fn size(configmap: &ConfigMap) -> usize {
    let text: usize = configmap.data.iter().flatten().map(|(key, value)| key.len() + value.len()).sum();
    let binary: usize =
        configmap.binary_data.iter().flatten().map(|(key, value)| key.len() + value.0.len()).sum();
    text + binary
}

/// A name that the API server takes, with room for the number of a chunk.
fn valid_name(name: &str) -> Result<(), KitError> {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    let valid = bytes.len() <= 240
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(b));
    if valid {
        return Ok(());
    }
    Err(KitError::Usage(format!(
        "{name:?} cannot be the name of a ConfigMap: lower case letters, digits, `-` and `.`, 240 at most; give --name"
    )))
}

#[cfg(test)]
mod tests;
