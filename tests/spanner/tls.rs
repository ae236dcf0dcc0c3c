//! TLS before a model, with an authority of its own, as a Spanner Omni deployment has it.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};

/// A TLS door before a model, and the files that a client needs to go through it.
pub(crate) struct TlsDoor {
    pub(crate) endpoint: String,
    pub(crate) ca: PathBuf,
    pub(crate) client_cert: PathBuf,
    pub(crate) client_key: PathBuf,
    _folder: tempfile::TempDir,
}

/// Opens a door before `model` that lets in who shows a certificate of its authority, or everybody.
pub(crate) async fn door(model: std::net::SocketAddr, wants_certificate: bool) -> TlsDoor {
    let folder = tempfile::tempdir().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let signed = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
        (certificate, key)
    };
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (server, server_key) = signed("localhost");
    let (client, client_key) = signed("tsbe");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let config = server_config(ca.der().clone(), server.der().clone(), &server_key, wants_certificate);
    tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), model));
    TlsDoor {
        endpoint,
        ca: file("ca.pem", ca.pem()),
        client_cert: file("client.pem", client.pem()),
        client_key: file("client.key", client_key.serialize_pem()),
        _folder: folder,
    }
}

fn server_config(
    ca: CertificateDer<'static>,
    certificate: CertificateDer<'static>,
    key: &KeyPair,
    wants_certificate: bool,
) -> ServerConfig {
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = if wants_certificate {
        let mut roots = RootCertStore::empty();
        roots.add(ca).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = builder.with_single_cert(vec![certificate], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, model: std::net::SocketAddr) {
    while let Ok((connection, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let (Ok(mut inner), Ok(mut outer)) =
                (acceptor.accept(connection).await, TcpStream::connect(model).await)
            else {
                return;
            };
            let _ = tokio::io::copy_bidirectional(&mut inner, &mut outer).await;
        });
    }
}
