//! The website, as S3 behind CloudFront would serve it.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use bytes::Bytes;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::routes::decoded;

/// The files under one directory. Changed files are noticed, so that a reload of the page shows them.
#[derive(Debug)]
pub(super) struct Website {
    /// Without symbolic links, so that nothing below it can lead out of it.
    root: PathBuf,
    files: Mutex<HashMap<PathBuf, Arc<File>>>,
}

/// A file as it was read.
#[derive(Debug)]
struct File {
    modified: Option<SystemTime>,
    content: Bytes,
    etag: HeaderValue,
    content_type: HeaderValue,
    cache_control: HeaderValue,
}

impl Website {
    /// The website in `root`. A missing directory is no fault: then there is only the API.
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.canonicalize().unwrap_or_else(|_| root.to_path_buf()),
            files: Mutex::default(),
        }
    }

    /// Answers a request for a file.
    pub(super) async fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response<Body> {
        if method != Method::GET && method != Method::HEAD {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED);
            response
                .headers_mut()
                .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let found = match relative(path) {
            Some(relative) => self.file(&relative).await,
            None => None,
        };
        match found {
            Some(file) => file.answer(method, headers),
            None => match self.file(Path::new("404.html")).await {
                Some(page) => {
                    let mut response = page.answer(method, &HeaderMap::new());
                    *response.status_mut() = StatusCode::NOT_FOUND;
                    response
                }
                None => plain(StatusCode::NOT_FOUND),
            },
        }
    }

    async fn file(&self, relative: &Path) -> Option<Arc<File>> {
        let path = tokio::fs::canonicalize(self.root.join(relative)).await.ok()?;
        if !path.starts_with(&self.root) {
            return None;
        }
        let metadata = tokio::fs::metadata(&path)
            .await
            .ok()
            .filter(std::fs::Metadata::is_file)?;
        let modified = metadata.modified().ok();
        if let Some(known) = self
            .known(&path)
            .filter(|known| known.is_still(modified, metadata.len()))
        {
            return Some(known);
        }
        let file = Arc::new(File::new(&path, tokio::fs::read(&path).await.ok()?, modified));
        self.files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path, Arc::clone(&file));
        Some(file)
    }

    fn known(&self, path: &Path) -> Option<Arc<File>> {
        self.files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(path)
            .cloned()
    }
}

impl File {
    fn new(path: &Path, content: Vec<u8>, modified: Option<SystemTime>) -> Self {
        let hash = HEXLOWER.encode(&Sha256::digest(&content)[..16]);
        let (content_type, is_page) = content_type(path);
        Self {
            modified,
            content: content.into(),
            // Weak, since the same content also goes out compressed.
            etag: HeaderValue::try_from(format!("W/\"{hash}\"")).expect("hexadecimal digits are a header"),
            content_type: HeaderValue::from_static(content_type),
            // Names carry no version, so everything is asked for again; that costs a 304.
            cache_control: HeaderValue::from_static(if is_page {
                "no-cache"
            } else {
                "public, max-age=0, must-revalidate"
            }),
        }
    }

    fn is_still(&self, modified: Option<SystemTime>, length: u64) -> bool {
        modified.is_some() && self.modified == modified && self.content.len() as u64 == length
    }

    fn answer(&self, method: &Method, headers: &HeaderMap) -> Response<Body> {
        let unchanged = headers
            .get(header::IF_NONE_MATCH)
            .is_some_and(|known| matches(known, &self.etag));
        let body = if unchanged || method == Method::HEAD {
            Body::empty()
        } else {
            Body::from(self.content.clone())
        };
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(header::ETAG, self.etag.clone());
        headers.insert(header::CACHE_CONTROL, self.cache_control.clone());
        headers.insert(header::CONTENT_TYPE, self.content_type.clone());
        if unchanged {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else if method == Method::HEAD {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(self.content.len()));
        }
        response
    }
}

/// The weak comparison of RFC 9110, section 8.8.3.2.
fn matches(known: &HeaderValue, etag: &HeaderValue) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    match (known.to_str(), etag.to_str()) {
        (Ok(known), Ok(etag)) => known
            .split(',')
            .any(|tag| tag.trim() == "*" || bare(tag) == bare(etag)),
        _ => false,
    }
}

/// The file that a path means; none for anything that tries to lead out of the website or into hidden files.
fn relative(path: &str) -> Option<PathBuf> {
    let path = decoded(path);
    // CloudFront's default root object works for the root alone.
    let path = if path == "/" { "/index.html" } else { &path };
    if path.contains(['\\', '\0']) {
        return None;
    }
    let relative = PathBuf::from(path.trim_start_matches('/'));
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(name) if !name.to_string_lossy().starts_with('.'));
    relative.components().all(is_plain).then_some(relative)
}

/// The content type by the file's name, and whether it is a page.
fn content_type(path: &Path) -> (&'static str, bool) {
    match path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
    {
        "html" => ("text/html; charset=utf-8", true),
        "css" => ("text/css; charset=utf-8", false),
        "js" | "mjs" => ("text/javascript; charset=utf-8", false),
        "json" => ("application/json", false),
        "webmanifest" => ("application/manifest+json", false),
        "svg" => ("image/svg+xml", false),
        "png" => ("image/png", false),
        "jpg" | "jpeg" => ("image/jpeg", false),
        "webp" => ("image/webp", false),
        "avif" => ("image/avif", false),
        "ico" => ("image/x-icon", false),
        "woff2" => ("font/woff2", false),
        "txt" => ("text/plain; charset=utf-8", false),
        "xml" => ("application/xml", false),
        _ => ("application/octet-stream", false),
    }
}

fn plain(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::from(status.canonical_reason().unwrap_or_default()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_website() {
        for path in [
            "/../secret",
            "/%2e%2e/secret",
            "/a/../../secret",
            "/..%2fsecret",
            "/..%5csecret",
            "/.git/config",
            "/a/.env",
            "/a%00.html",
            "/./index.html",
        ] {
            assert_eq!(relative(path), None, "{path}");
        }
        // Leading slashes never make it absolute.
        assert_eq!(relative("//etc/passwd"), Some("etc/passwd".into()));
        assert_eq!(relative("/%2fetc/passwd"), Some("etc/passwd".into()));
        assert_eq!(relative("/"), Some("index.html".into()));
        assert_eq!(relative("/js/shop.js"), Some("js/shop.js".into()));
    }

    #[tokio::test]
    async fn a_symbolic_link_does_not_lead_out_either() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().join("web");
        std::fs::create_dir(&root).expect("a directory");
        std::fs::write(directory.path().join("secret.txt"), "secret").expect("a file");
        std::os::unix::fs::symlink("../secret.txt", root.join("link.txt")).expect("a link");
        let answer = Website::new(&root)
            .answer(&Method::GET, "/link.txt", &HeaderMap::new())
            .await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn known_content_is_not_sent_again_until_it_changes() {
        let root = tempfile::tempdir().expect("a directory");
        let page = root.path().join("index.html");
        std::fs::write(&page, "<p>one").expect("a file");
        let website = Website::new(root.path());
        let first = website.answer(&Method::GET, "/", &HeaderMap::new()).await;
        assert_eq!(first.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(first.headers()["cache-control"], "no-cache");
        let etag = first.headers()["etag"].clone();
        let mut headers = HeaderMap::new();
        headers.insert("if-none-match", etag.clone());
        assert_eq!(
            website.answer(&Method::GET, "/", &headers).await.status(),
            StatusCode::NOT_MODIFIED
        );
        std::fs::write(&page, "<p>three").expect("a file");
        let changed = website.answer(&Method::GET, "/", &headers).await;
        assert_eq!(changed.status(), StatusCode::OK);
        assert_ne!(changed.headers()["etag"], etag);
    }
}
