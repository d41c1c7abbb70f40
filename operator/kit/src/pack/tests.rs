use std::io::Read;

use super::*;
use crate::args::ComponentArg;

const MANIFEST: &str = "name: a.example/big\ncomponent: big.wasm # built elsewhere\n";

/// Compressible like code, a third of it not at all.
fn component(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let byte = |index: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if index.is_multiple_of(3) { (state >> 24) as u8 } else { (index % 7) as u8 }
    };
    (0..length).map(byte).collect()
}

fn args(compress: Compress, chunk_size: usize) -> PackArgs {
    PackArgs {
        path: "x".into(),
        component: ComponentArg { file: None },
        name: None,
        namespace: "backup".to_owned(),
        compress,
        chunk_size,
    }
}

fn packed(bytes: &[u8], compress: Compress, chunk_size: usize) -> Packed {
    let configmap = ConfigMap {
        data: Some([(lateen_actions::MANIFEST_KEY.to_owned(), MANIFEST.to_owned())].into()),
        binary_data: Some([("big.wasm".to_owned(), ByteString(bytes.to_vec()))].into()),
        ..ConfigMap::default()
    };
    Packed::new(configmap, &args(compress, chunk_size)).unwrap()
}

#[test]
fn what_fits_stays_together() {
    let bytes = component(20_000);
    let packed = packed(&bytes, Compress::Auto, limits::CHUNK);
    let [configmap] = packed.configmaps.as_slice() else { panic!("{}", packed.configmaps.len()) };
    assert_eq!(configmap.metadata.name.as_deref(), Some("big"));
    assert_eq!(configmap.metadata.namespace.as_deref(), Some("backup"));
    let stored = &configmap.binary_data.as_ref().unwrap()["big.wasm"].0;
    assert!(stored.len() < bytes.len());
    assert_eq!(
        packed.summary(),
        format!("a.example/big: 1 ConfigMap, component 19.5 KiB, {} with gzip", measure::bytes(stored.len()))
    );
    assert!(packed.text().unwrap().contains("    component: big.wasm # built elsewhere\n"));
}

#[test]
fn both_ways_to_compress_can_be_undone() {
    let bytes = component(300_000);
    let (gzip, _) = compressed(&bytes, Compress::Gzip).unwrap();
    let mut back = Vec::new();
    flate2::read::GzDecoder::new(gzip.as_slice()).read_to_end(&mut back).unwrap();
    assert_eq!(back, bytes);
    let (zstd, _) = compressed(&bytes, Compress::Zstd).unwrap();
    back.clear();
    ruzstd::decoding::StreamingDecoder::new(zstd.as_slice()).unwrap().read_to_end(&mut back).unwrap();
    assert_eq!(back, bytes);
    assert!(zstd.len() < bytes.len() && gzip.len() < bytes.len());
}

#[test]
fn what_does_not_fit_is_split_and_can_be_joined() {
    let bytes = component(10_000);
    let packed = packed(&bytes, Compress::None, 4096);
    let names: Vec<&str> = packed.configmaps.iter().filter_map(|map| map.metadata.name.as_deref()).collect();
    assert_eq!(names, ["big-chunk-001", "big-chunk-002", "big-chunk-003", "big"]);
    let mut joined = Vec::new();
    for (index, map) in packed.configmaps[..3].iter().enumerate() {
        let labels = map.metadata.labels.as_ref().unwrap();
        assert_eq!(labels["lateen.dev/item-action-chunk"], "big");
        assert_eq!(labels["lateen.dev/item-action"], "chunk");
        joined.extend_from_slice(&map.binary_data.as_ref().unwrap()[&format!("big.wasm.00{}", index + 1)].0);
    }
    assert_eq!(joined, bytes);
    assert_eq!(delivery::value(&packed.configmaps[3], "big.wasm"), None, "nothing is there twice");
    let manifest = delivery::manifest(&packed.configmaps[3]).unwrap();
    let sum = hex::encode(Sha256::digest(&bytes));
    assert!(manifest.ends_with(&format!("chunks: {{count: 3, sha256: \"{sum}\"}}\n")), "{manifest}");
}

#[test]
fn large_ones_say_how_to_apply_them() {
    let text = packed(&component(300_000), Compress::None, limits::CHUNK).text().unwrap();
    assert!(text.lines().next().unwrap().ends_with("use kubectl apply --server-side -f -"));
    assert!(valid_name("Big").is_err() && valid_name("a.b-c").is_ok());
}
