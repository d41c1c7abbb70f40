//! The S3 server of a cluster: where it is, and how to get in.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use uuid::Uuid;

/// The one bucket that is there from the start.
const BUCKET: &str = "backups";

/// The region that signatures name; the server asks for no particular one but for one and the same.
const REGION: &str = "us-east-1";

/// How long the health check waits for an answer of a few bytes from this machine.
const HEALTH_LIMIT: Duration = Duration::from_secs(2);

/// Access to the S3 server. Requests are path-style and unencrypted.
#[derive(Clone, Debug)]
pub struct S3 {
    /// `http://127.0.0.1:port`.
    pub endpoint: String,
    /// The region to sign for.
    pub region: String,
    /// A bucket that exists and is empty at first.
    pub bucket: String,
    /// The access key id.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
    pub(crate) port: u16,
    pub(crate) health_path: String,
}

impl S3 {
    pub(crate) fn new(port: u16) -> Self {
        let random = || Uuid::new_v4().simple().to_string();
        Self {
            endpoint: format!("http://127.0.0.1:{port}"),
            region: REGION.into(),
            bucket: BUCKET.into(),
            access_key: random(),
            secret_key: random(),
            port,
            health_path: format!("/health-{}", random()),
        }
    }

    /// The keys as the file that AWS tools call "credentials", with one profile: what Velero's Secret holds under the key `cloud`.
    pub fn credentials_file(&self) -> String {
        format!(
            "[default]\naws_access_key_id={}\naws_secret_access_key={}\n",
            self.access_key, self.secret_key
        )
    }

    /// Whether our server answers. No other knows its health check's path, so a stranger on the port is not taken for it.
    pub(crate) fn is_healthy(&self) -> bool {
        let answer = || {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
            stream.set_read_timeout(Some(HEALTH_LIMIT))?;
            let path = &self.health_path;
            write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
            let mut start = [0; "HTTP/1.1 200".len()];
            stream.read_exact(&mut start)?;
            std::io::Result::Ok(start)
        };
        answer().is_ok_and(|start| start == *b"HTTP/1.1 200")
    }
}
