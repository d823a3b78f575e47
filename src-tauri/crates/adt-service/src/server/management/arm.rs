//! Azure Resource Manager's answers.

use super::address::{Address, Part, Scope, instance_type};
use super::operations::Operations;
use super::{Management, body};
use crate::Code;
use crate::management::{ControlPlane, ManagedInstance, ManagementError, NewEndpoint};
use crate::server::answer::{Answer, Refusal, json_answer, no_content, set};
use crate::server::body::read_json;
use crate::server::gate::{requested_host, short};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, Method, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use url::form_urlencoded;

/// The resource group of ids that were asked for without one.
pub(super) const GROUP: &str = "twinscope";
//= documented: The versions of the control plane are 2020-10-31, 2020-12-01, 2021-06-30-preview,
//  2022-05-31, 2022-10-31 and 2023-01-31.
/// The versions of the control plane.
const VERSIONS: [&str; 6] =
    ["2020-10-31", "2020-12-01", "2021-06-30-preview", "2022-05-31", "2022-10-31", "2023-01-31"];
//= ours: Retry-After of an operation is a second; the service says 10.
/// Between two looks at an operation, in seconds.
const LOOK_AGAIN: &str = "1";

/// Answers a request of the control plane.
pub(super) async fn answer(State(management): State<Management>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    check_version(parts.uri.query().unwrap_or_default())?;
    let path = parts.uri.path().to_owned();
    let address = Address::parse(&path).ok_or_else(|| nothing_at(&path))?;
    let asked = Asked { management, parts: &parts };
    asked.answer(address, body).await
}

/// A request, and who answers it.
struct Asked<'a> {
    management: Management,
    parts: &'a Parts,
}

impl Asked<'_> {
    fn plane(&self) -> &Arc<dyn ControlPlane> {
        &self.management.plane
    }

    fn operations(&self) -> &Arc<Operations> {
        &self.management.operations
    }

    async fn answer(&self, address: Address<'_>, body: Body) -> Answer {
        let method = &self.parts.method;
        match (method, address) {
            (&Method::GET, Address::Provider) => Ok(ok(&provider())),
            (&Method::POST, Address::CheckName) => self.check_name(body).await,
            (&Method::GET, Address::OperationStatus(id)) => self.status(id),
            (&Method::GET, Address::OperationResult(scope, id)) => self.result(scope, id),
            (&Method::GET, Address::Instances(scope)) => {
                Ok(ok(&json!({"value": [body::instance(scope, &self.plane().instance())]})))
            }
            (_, Address::Instance(scope, name)) => self.instance(scope, name, body).await,
            (_, Address::Parts(scope, name, part)) if *method == Method::GET => {
                let instance = self.named(scope, name)?;
                let listed = match part {
                    Part::Endpoints => self.endpoints(scope, &instance),
                    _ => Vec::new(),
                };
                Ok(ok(&json!({ "value": listed })))
            }
            (_, Address::PartNamed(scope, name, Part::Endpoints, endpoint)) => {
                let instance = self.named(scope, name)?;
                self.endpoint(scope, &instance, endpoint, body).await
            }
            (_, Address::PartNamed(scope, name, part, one)) => {
                self.named(scope, name)?;
                self.not_here(part, one)
            }
            _ => Err(self.wrong_method()),
        }
    }

    //= ours: There is one instance, in any subscription and resource group that is asked for.
    /// The instance, where it has that name.
    fn named(&self, scope: Scope, name: &str) -> Result<ManagedInstance, ManagementError> {
        let instance = self.plane().instance();
        if instance.name.eq_ignore_ascii_case(name) {
            return Ok(instance);
        }
        let (group, own) = (scope.group.unwrap_or(GROUP), &instance.name);
        Err(ManagementError::not_found(format!(
            "The Resource 'Microsoft.DigitalTwins/digitalTwinsInstances/{}' under resource group '{}' was not found. The one that is here is named {own}.",
            short(name),
            short(group)
        )))
    }

    async fn instance(&self, scope: Scope<'_>, name: &str, body: Body) -> Answer {
        match self.parts.method {
            Method::GET => Ok(ok(&body::instance(scope, &self.named(scope, name)?))),
            Method::PUT | Method::PATCH => {
                let sent = read_json(body, Code::BadRequest).await?;
                let instance = self.named(scope, name).map_err(|error| ManagementError {
                    status: 409,
                    code: "OperationNotAllowed",
                    message: format!("{} No others can be made.", error.message),
                })?;
                check_instance(&sent, self.parts.method == Method::PATCH)?;
                if let Some(tags) = tags(&sent)?.filter(|tags| *tags != instance.tags) {
                    self.plane().set_tags(tags).await?;
                }
                Ok(ok(&body::instance(scope, &self.plane().instance())))
            }
            Method::DELETE => {
                self.named(scope, name)?;
                Err(ManagementError {
                    status: 409,
                    code: "OperationNotAllowed",
                    message: "This instance is a workspace on this machine: it ends with the program that serves it, and goes with its data folder.".to_owned(),
                }
                .into())
            }
            _ => Err(self.wrong_method()),
        }
    }

    fn endpoints(&self, scope: Scope, instance: &ManagedInstance) -> Vec<Value> {
        let there = self.plane().endpoints();
        let shown =
            there.iter().map(|own| (own.name.clone(), body::endpoint(scope, &instance.name, own)));
        let mut all: BTreeMap<String, Value> = shown.collect();
        all.extend(self.operations().endpoints());
        all.into_values().collect()
    }

    fn shown(&self, scope: Scope, instance: &ManagedInstance, name: &str) -> Option<Value> {
        let there = self.plane().endpoints();
        let there = there.iter().find(|own| own.name == name);
        let shown = || Some(body::endpoint(scope, &instance.name, there?));
        self.operations().endpoint(name).or_else(shown)
    }

    async fn endpoint(
        &self,
        scope: Scope<'_>,
        instance: &ManagedInstance,
        name: &str,
        body: Body,
    ) -> Answer {
        match self.parts.method {
            Method::GET => self
                .shown(scope, instance, name)
                .map_or_else(|| Err(no_endpoint(name).into()), |endpoint| Ok(ok(&endpoint))),
            Method::PUT => {
                check_name(name)?;
                let new = body::new_endpoint(&read_json(body, Code::BadRequest).await?)?;
                self.put(scope, instance, name, new)
            }
            Method::DELETE => self.delete(scope, instance, name),
            _ => Err(self.wrong_method()),
        }
    }

    fn put(
        &self,
        scope: Scope,
        instance: &ManagedInstance,
        name: &str,
        new: NewEndpoint,
    ) -> Answer {
        self.plane().check_endpoint(name, &new)?;
        let is_there = self.plane().endpoints().iter().any(|own| own.name == name);
        let (status, state) = if is_there {
            (StatusCode::OK, "Updating")
        } else {
            (StatusCode::CREATED, "Provisioning")
        };
        let resource = body::begun(scope, &instance.name, name, &new);
        let (plane, own_name) = (self.plane().clone(), name.to_owned());
        let work = async move { plane.put_endpoint(&own_name, new).await };
        self.begin(scope, name, (resource, state), status, work)
    }

    fn delete(&self, scope: Scope, instance: &ManagedInstance, name: &str) -> Answer {
        let there = self.plane().endpoints();
        let Some(endpoint) = there.iter().find(|own| own.name == name) else {
            self.operations().forget(name);
            return Ok(no_content(None));
        };
        let resource = body::endpoint(scope, &instance.name, endpoint);
        let (plane, own_name) = (self.plane().clone(), name.to_owned());
        let work = async move { plane.delete_endpoint(&own_name).await.map(drop) };
        self.begin(scope, name, (resource, "Deleting"), StatusCode::ACCEPTED, work)
    }

    //= documented: An endpoint is made with 201 and Provisioning, changed with 200, deleted with 202
    //  and Deleting; azure-asyncoperation and location lead to the end. That a change shows Updating
    //  is a guess.
    /// Begins what takes its time, and says where its end is to be seen.
    fn begin(
        &self,
        scope: Scope,
        name: &str,
        (resource, state): (Value, &str),
        status: StatusCode,
        work: impl Future<Output = Result<(), ManagementError>> + Send + 'static,
    ) -> Answer {
        let (number, shown) = self.operations().begin(name, resource, state);
        let operations = self.operations().clone();
        tokio::spawn(async move { operations.end(number, work.await) });
        let mut response = json_answer(status, &shown);
        let id = self.operations().id_of(number);
        let base = format!(
            "https://{}/subscriptions/{}/providers/Microsoft.DigitalTwins/locations/local",
            requested_host(self.parts)?,
            scope.subscription
        );
        let version = self.parts.uri.query().unwrap_or_default();
        let headers = response.headers_mut();
        for (header, what) in
            [("azure-asyncoperation", "operationStatuses"), ("location", "operationResults")]
        {
            let address = format!("{base}/{what}/{id}?{version}");
            set(headers, HeaderName::from_static(header), &address);
        }
        set(headers, header::RETRY_AFTER, LOOK_AGAIN);
        Ok(response)
    }

    fn status(&self, id: &str) -> Answer {
        let status = self.operations().status(id).ok_or_else(|| no_operation(id))?;
        let mut shown =
            json!({"id": self.parts.uri.path(), "name": status.id, "status": "InProgress"});
        match status.ended {
            None => {}
            Some(Ok(())) => shown["status"] = json!("Succeeded"),
            Some(Err(error)) => {
                shown["status"] = json!("Failed");
                shown["error"] = json!({"code": error.code, "message": error.message});
            }
        }
        let mut response = ok(&shown);
        set(response.headers_mut(), header::RETRY_AFTER, LOOK_AGAIN);
        Ok(response)
    }

    fn result(&self, scope: Scope, id: &str) -> Answer {
        let status = self.operations().status(id).ok_or_else(|| no_operation(id))?;
        match status.ended {
            None => {
                let mut response = json_answer(StatusCode::ACCEPTED, &Value::Null);
                let address = self.parts.uri.path_and_query().map_or("", |path| path.as_str());
                let location = format!("https://{}{address}", requested_host(self.parts)?);
                set(response.headers_mut(), header::LOCATION, &location);
                set(response.headers_mut(), header::RETRY_AFTER, LOOK_AGAIN);
                Ok(response)
            }
            Some(Err(error)) => Err(error.into()),
            Some(Ok(())) => {
                let shown = self.shown(scope, &self.plane().instance(), &status.endpoint);
                Ok(shown.map_or_else(|| no_content(None), |endpoint| ok(&endpoint)))
            }
        }
    }

    async fn check_name(&self, body: Body) -> Answer {
        let sent = read_json(body, Code::BadRequest).await?;
        let name = body::text(sent.get("name")).unwrap_or_default();
        let kind = body::text(sent.get("type")).unwrap_or_default();
        if !kind.eq_ignore_ascii_case(&instance_type()) {
            let message = format!("«type» is to be {}.", instance_type());
            return Err(ManagementError::bad_request(message).into());
        }
        let answer = if !is_instance_name(&name) {
            json!({"nameAvailable": false, "reason": "Invalid",
                "message": "A name has 3 to 63 letters, digits and hyphens, and begins and ends with a letter or digit."})
        } else if name.eq_ignore_ascii_case(&self.plane().instance().name) {
            json!({"nameAvailable": false, "reason": "AlreadyExists",
                "message": format!("Name '{name}' is already taken. Please specify a different name")})
        } else {
            json!({"nameAvailable": true})
        };
        Ok(ok(&answer))
    }

    //= ours: Time series database connections, private endpoints and private links are never there,
    //  and making one is refused with NotSupported.
    /// Of what there is in Azure and not here, nothing can be found, made or deleted.
    fn not_here(&self, part: Part, name: &str) -> Answer {
        let (what, instead) = match part {
            Part::TimeSeriesDatabaseConnections => (
                "time series database connection",
                "Data history to Azure Data Explorer is not part of this instance; an endpoint of the type EventHub gives its changes to whatever reads an event hub.",
            ),
            Part::PrivateEndpointConnections => (
                "private endpoint connection",
                "This instance listens on this machine; --listen says on which address.",
            ),
            Part::PrivateLinkResources | Part::Endpoints => (
                "private link resource",
                "This instance listens on this machine; --listen says on which address.",
            ),
        };
        match self.parts.method {
            Method::GET => {
                let name = short(name);
                Err(ManagementError::not_found(format!("There is no {what} {name}. {instead}"))
                    .into())
            }
            Method::DELETE => Ok(no_content(None)),
            Method::PUT => Err(ManagementError::not_supported(format!(
                "A {what} cannot be made here. {instead}"
            ))
            .into()),
            _ => Err(self.wrong_method()),
        }
    }

    fn wrong_method(&self) -> Refusal {
        let message = format!(
            "The requested resource does not support http method '{}'.",
            short(self.parts.method.as_str())
        );
        Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
    }
}

fn ok(body: &Value) -> Response {
    json_answer(StatusCode::OK, body)
}

/// In Resource Manager's words.
fn check_version(query: &str) -> Result<(), Refusal> {
    let refused = |code, message| Err(Refusal::new(StatusCode::BAD_REQUEST, code, message));
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let given = parameters.find(|(name, _)| name.eq_ignore_ascii_case("api-version"));
    match given.map(|(_, version)| version).filter(|version| !version.is_empty()) {
        None => refused(
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.".into(),
        ),
        Some(version) if !VERSIONS.contains(&&*version) => refused(
            "InvalidApiVersionParameter",
            format!(
                "The api-version '{}' is invalid. The supported versions are '{}'.",
                short(&version),
                VERSIONS.join(",")
            ),
        ),
        Some(_) => Ok(()),
    }
}

fn nothing_at(path: &str) -> Refusal {
    ManagementError::not_found(format!(
        "There is nothing at «{}». What is managed here is under /subscriptions/…/providers/Microsoft.DigitalTwins.",
        short(path)
    ))
    .into()
}

fn no_endpoint(name: &str) -> ManagementError {
    let message =
        format!("There is no endpoint {}. List the endpoints to see which there are.", short(name));
    ManagementError::not_found(message)
}

fn no_operation(id: &str) -> ManagementError {
    ManagementError::not_found(format!("There is no operation {}, or it is forgotten.", short(id)))
}

//= documented: Endpoints' names match ^(?![0-9]+$)(?!-)[a-zA-Z0-9-]{2,49}[a-zA-Z0-9]$.
fn check_name(name: &str) -> Result<(), ManagementError> {
    let fits = (3..=50).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.bytes().all(|b| b.is_ascii_digit());
    if fits {
        return Ok(());
    }
    Err(ManagementError::bad_request(format!(
        "«{}» is no name of an endpoint: 3 to 50 letters, digits and hyphens, not digits alone, that begin and end with a letter or digit.",
        short(name)
    )))
}

//= documented: Instances' names match ^(?!-)[A-Za-z0-9-]{3,63}(?<!-)$.
fn is_instance_name(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// That what is asked of the instance is what it is.
fn check_instance(sent: &Value, is_patch: bool) -> Result<(), ManagementError> {
    if !is_patch && body::text(sent.get("location")).is_none() {
        return Err(ManagementError::bad_request("«location» is missing: send one, as «local»."));
    }
    let identity = sent.pointer("/identity/type").and_then(Value::as_str);
    if identity.is_some_and(|kind| !kind.eq_ignore_ascii_case("None")) {
        return Err(ManagementError::not_supported(
            "This instance has no identity of its own: events are delivered as whoever is signed in on this machine.",
        ));
    }
    let access = sent.pointer("/properties/publicNetworkAccess").and_then(Value::as_str);
    if access.is_some_and(|access| !access.eq_ignore_ascii_case("Enabled")) {
        return Err(ManagementError::not_supported(
            "Who can reach this instance is said where it is started, with --listen.",
        ));
    }
    Ok(())
}

fn tags(sent: &Value) -> Result<Option<BTreeMap<String, String>>, ManagementError> {
    let tags = sent.get("tags").filter(|tags| !tags.is_null());
    let read = tags.map(|tags| serde_json::from_value(tags.clone())).transpose();
    read.map_err(|_| ManagementError::bad_request("«tags» are texts by name."))
}

/// What the provider can do here.
fn provider() -> Value {
    let operation = |resource: &str, verb: &str, words: &str| {
        json!({
            "name": format!("Microsoft.DigitalTwins/{resource}/{verb}"),
            "display": {"provider": "Microsoft.DigitalTwins", "resource": resource,
                "operation": words, "description": words},
            "isDataAction": false,
        })
    };
    let instances = "digitalTwinsInstances";
    let endpoints = "digitalTwinsInstances/endpoints";
    json!({"value": [
        operation(instances, "read", "Read the instance"),
        operation(instances, "write", "Change the instance's tags"),
        operation(endpoints, "read", "Read endpoints"),
        operation(endpoints, "write", "Make or change endpoints"),
        operation(endpoints, "delete", "Delete endpoints"),
    ]})
}
