use k8s_openapi::ByteString;
use rstest::rstest;

use super::*;
use crate::limits;

const CEILING: Ceiling = Ceiling { memory: limits::MEMORY_CEILING, time: limits::CALL_TIME_CEILING };

fn configmap(name: &str, labels: &[(&str, &str)], binary: &[(&str, &[u8])]) -> ConfigMap {
    let mut map = ConfigMap::default();
    map.metadata.namespace = Some("velero".into());
    map.metadata.name = Some(name.into());
    map.metadata.labels =
        Some(labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect());
    map.binary_data =
        Some(binary.iter().map(|(key, value)| ((*key).to_owned(), ByteString(value.to_vec()))).collect());
    map
}

fn action(rest: &str, data: &[(&str, &str)], binary: &[(&str, &[u8])]) -> ConfigMap {
    let mut map = configmap("main", &[("lateen.dev/item-action", "")], binary);
    let manifest = format!("name: a.example/b\non: [restore]\nmatch: {{resources: [pods]}}\n{rest}");
    let data = data.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    map.data = Some(data.chain([(MANIFEST_KEY.to_owned(), manifest)]).collect());
    map
}

fn chunk(name: &str, owner: &str, binary: &[(&str, &[u8])]) -> ConfigMap {
    let labels = [("lateen.dev/item-action", "chunk"), ("lateen.dev/item-action-chunk", owner)];
    configmap(name, &labels, binary)
}

/// The bytes of the component, or the text of the script.
fn read(action: &ConfigMap, chunks: &[ConfigMap]) -> Result<Vec<u8>, SourceError> {
    assert!(!is_chunk(action) && chunks.iter().all(is_chunk));
    let source = Source::read(action, &Chunks::among(chunks), CEILING)?;
    let Declared::Action(_, code) = source.declared else { panic!("it is switched off") };
    match code? {
        Supplied::Component { packed, digest, chunked } => {
            assemble(&packed.concat(), digest, chunked).map(|(bytes, _)| bytes)
        }
        Supplied::Script { script, .. } => Ok(script.text.into_bytes()),
    }
}

fn sha(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[test]
fn a_manifest_may_lie_among_the_binary_data_but_is_text() {
    let mut map = action("component: c", &[], &[("c", b"x")]);
    let manifest = map.data.take().unwrap().remove(MANIFEST_KEY).unwrap();
    let mut with = |manifest: Vec<u8>| {
        map.binary_data.as_mut().unwrap().insert(MANIFEST_KEY.to_owned(), ByteString(manifest));
        read(&map, &[])
    };
    assert_eq!(with(manifest.clone().into_bytes()).unwrap(), b"x");
    let utf16 = manifest.encode_utf16().flat_map(u16::to_le_bytes);
    let error = with([0xff, 0xfe].into_iter().chain(utf16).collect()).unwrap_err();
    assert!(matches!(error, SourceError::ManifestNotText), "{error}");
}

#[test]
fn a_digest_is_that_of_the_unpacked_component() {
    let bytes = b"\0asm".repeat(100);
    let packed = zstd::encode_all(&bytes[..], 3).unwrap();
    let with =
        |digest: &str| action(&format!("component: c\ndigest: sha256:{digest}"), &[], &[("c", &packed)]);
    assert_eq!(read(&with(&sha(&bytes)), &[]).unwrap(), bytes);
    let error = read(&with(&sha(&packed)), &[]).unwrap_err();
    assert!(!error.is_incomplete() && error.to_string().contains(&sha(&bytes)), "{error}");
}

#[test]
fn chunks_make_the_component_in_their_order() {
    let bytes = b"\0asm and much more".repeat(50);
    let packed = zstd::encode_all(&bytes[..], 3).unwrap();
    let (one, rest) = packed.split_at(10);
    let (two, three) = rest.split_at(7);
    let manifest = format!("component: c.zst\nchunks: {{count: 3, sha256: {}}}", sha(&bytes));
    // One of them with the manifest, two in one ConfigMap, those of others beside them.
    let main = action(&manifest, &[], &[("c.zst.001", one)]);
    let mut elsewhere = chunk("elsewhere", "main", &[("c.zst.002", b"else")]);
    elsewhere.metadata.namespace = Some("other".into());
    let foreign = chunk("foreign", "another", &[("c.zst.002", b"else")]);
    let both = chunk("x", "main", &[("c.zst.003", three), ("c.zst.002", two)]);
    assert_eq!(read(&main, &[foreign.clone(), both.clone(), elsewhere.clone()]).unwrap(), bytes);

    let error = read(&main, &[foreign, elsewhere]).unwrap_err();
    assert!(error.is_incomplete());
    assert!(error.to_string().contains("2 of 3 chunks are missing, the first is c.zst.002"), "{error}");

    let twice = chunk("again", "main", &[("c.zst.003", three)]);
    let error = read(&main, &[both, twice]).unwrap_err();
    assert!(error.is_incomplete());
    assert!(error.to_string().contains("in both ConfigMaps velero/x and velero/again"), "{error}");
}

#[rstest]
// The new first chunk has come, the second is the old one.
#[case::of_two_versions(b"new ", b"old", "its chunks together have the digest")]
#[case::packed(&[0x28, 0xb5, 0x2f, 0xfd], b"nonsense", "the chunks cannot be put together: cannot unpack the zstd data")]
fn a_mixture_is_half_a_delivery(#[case] first: &[u8], #[case] second: &[u8], #[case] message: &str) {
    let manifest = format!("component: c\nchunks: {{count: 2, sha256: {}}}", sha(b"new new"));
    let chunks = [chunk("x", "main", &[("c.001", first), ("c.002", second)])];
    let error = read(&action(&manifest, &[], &[]), &chunks).unwrap_err();
    assert!(error.is_incomplete() && error.to_string().contains(message), "{error}");
}

#[test]
fn a_long_name_is_shortened_in_the_label() {
    let name = "n".repeat(100);
    let manifest = format!("component: c\nchunks: {{count: 1, sha256: {}}}", sha(b"x"));
    let mut main = action(&manifest, &[], &[]);
    main.metadata.name = Some(name.clone());
    let label = lateen_api::names::valid_name(&name);
    assert!(label.len() <= 63);
    assert_eq!(read(&main, &[chunk("x", &label, &[("c.001", b"x")])]).unwrap(), b"x");
}

#[test]
fn packed_chunks_have_a_limit_too() {
    let half = vec![0; limits::PACKED / 2 + 1];
    let manifest = format!("component: c\nchunks: {{count: 2, sha256: {}}}", sha(b""));
    let main = action(&manifest, &[], &[("c.001", &half), ("c.002", &half)]);
    assert!(matches!(read(&main, &[]), Err(SourceError::PackedTooLarge)));
}

#[rstest]
#[case::plain("engine: jq", &[("script.jq", ".")], &[], Ok("."))]
#[case::named("engine: cel\nscript: a", &[("a", "object"), ("script.cel", "x")], &[], Ok("object"))]
#[case::kubectl_put_it_there("engine: javascript", &[], &[("script.js", &b"1"[..])], Ok("1"))]
#[case::lacking("engine: jq", &[("scipt.jq", ".")], &[], Err("the engine jq needs its script under the key script.jq in data; there is scipt.jq"))]
#[case::lacking_all("engine: javascript", &[], &[], Err("under the key script.js in data; there is nothing"))]
#[case::not_text("engine: jq", &[], &[("script.jq", &b"\xff\xfe"[..])], Err("script.jq is not UTF-8 text"))]
#[case::empty("engine: jq", &[("script.jq", " \n")], &[], Err("script.jq is empty"))]
fn scripts(
    #[case] manifest: &str,
    #[case] data: &[(&str, &str)],
    #[case] binary: &[(&str, &[u8])],
    #[case] expected: Result<&str, &str>,
) {
    let read = read(&action(manifest, data, binary), &[]);
    match expected {
        Ok(text) => assert_eq!(read.unwrap(), text.as_bytes()),
        Err(message) => {
            let error = read.unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}

#[test]
fn a_script_has_an_end() {
    let text = "x".repeat(limits::SCRIPT + 1);
    let error = read(&action("engine: jq", &[("script.jq", &text)], &[]), &[]).unwrap_err();
    assert_eq!(error.to_string(), "script.jq is larger than 256 KiB");
}

#[test]
fn only_the_server_has_the_builtin_component() {
    let error = read(&action("component: builtin", &[], &[("builtin", b"x")]), &[]).unwrap_err();
    assert!(matches!(error, SourceError::BuiltIn), "{error}");
}
