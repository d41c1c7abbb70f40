//! Where requests of a bucket go: the bucket in the host name or in the path.
//!
//! Without `s3ForcePathStyle` the bucket goes into the host name, except where that cannot work, as in the AWS SDKs: with an IP
//! address as host, or with a dotted bucket under TLS (a wildcard certificate covers one label).

use object_store::aws::AmazonS3Builder;
use url::{Host, Url};

/// An endpoint with its addressing style.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// The URL as the client wants it: with the bucket in the host for virtual hosting, without it otherwise; none for AWS itself.
    url: Option<String>,
    virtual_hosted: bool,
}

impl Endpoint {
    pub(super) fn new(url: Option<&Url>, bucket: &str, force_path_style: bool) -> Self {
        let dns = !bucket.contains('_') && !bucket.bytes().any(|b| b.is_ascii_uppercase());
        let Some(url) = url else {
            return Self { url: None, virtual_hosted: !force_path_style && dns && !bucket.contains('.') };
        };
        let dotted_tls = url.scheme() == "https" && bucket.contains('.');
        if let (Some(Host::Domain(host)), false, true, false) =
            (url.host(), force_path_style, dns, dotted_tls)
        {
            let mut hosted = url.clone();
            if hosted.set_host(Some(&format!("{bucket}.{host}"))).is_ok() {
                return Self { url: Some(trimmed(&hosted)), virtual_hosted: true };
            }
        }
        Self { url: Some(trimmed(url)), virtual_hosted: false }
    }

    pub(super) fn apply(&self, builder: AmazonS3Builder) -> AmazonS3Builder {
        let builder = builder.with_virtual_hosted_style_request(self.virtual_hosted);
        match &self.url {
            Some(url) => builder.with_endpoint(url),
            None => builder,
        }
    }
}

fn trimmed(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_is_where_it_can_work() {
        let at = |url: &str, bucket: &str, force: bool| {
            let url = url.parse().ok();
            let endpoint = Endpoint::new(url.as_ref(), bucket, force);
            (endpoint.url.unwrap_or_default(), endpoint.virtual_hosted)
        };
        assert_eq!(at("", "b", false), (String::new(), true));
        assert_eq!(at("", "b", true), (String::new(), false));
        assert_eq!(at("", "b.c", false), (String::new(), false));
        assert_eq!(
            at("https://s3.example:9000/", "b", false),
            ("https://b.s3.example:9000".to_owned(), true)
        );
        assert_eq!(at("https://s3.example", "b", true), ("https://s3.example".to_owned(), false));
        assert_eq!(at("https://s3.example", "b.c", false), ("https://s3.example".to_owned(), false));
        assert_eq!(at("http://s3.example", "b.c", false), ("http://b.c.s3.example".to_owned(), true));
        assert_eq!(at("http://127.0.0.1:9000", "b", false), ("http://127.0.0.1:9000".to_owned(), false));
        assert_eq!(at("http://s3.example", "My_Bucket", false), ("http://s3.example".to_owned(), false));
    }
}
