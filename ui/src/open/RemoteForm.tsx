import { FileKey } from "lucide-react";
import { type ReactNode, useId, useState } from "react";
import { Button, Segments } from "../look/Controls";
import { usePage } from "../store/usePage";
import type { Credential } from "../wire/Credential";
import type { Target } from "../wire/Target";

type Remote = Extract<Target, { kind: "remote" }>;

const ways = [
  { value: "developerTools", label: "Developer tools" },
  { value: "clientSecret", label: "Client secret" },
  { value: "token", label: "Token" },
] as const;

const blank: Record<Credential["kind"], Credential> = {
  developerTools: { kind: "developerTools" },
  clientSecret: { kind: "clientSecret", tenant: "", client: "", secret: "" },
  token: { kind: "token", token: "" },
};

/** `my.api.weu.digitaltwins.azure.net` means https. */
const withScheme = (endpoint: string): string =>
  /^[a-z]+:\/\//i.test(endpoint.trim()) ? endpoint.trim() : `https://${endpoint.trim()}`;

const complete = (credential: Credential): boolean =>
  Object.values(credential).every((part) => part !== "");

/** The address of an instance, and how to sign in to it. */
export function RemoteForm({ start, onBack }: { start: Remote | null; onBack: () => void }) {
  const page = usePage();
  const [endpoint, setEndpoint] = useState(start?.endpoint ?? "");
  const [ca, setCa] = useState(start?.ca ?? "");
  const [credential, setCredential] = useState<Credential>(
    start?.credential ?? blank.developerTools,
  );

  const pickCa = async () => {
    try {
      const path = await page.host.pickFile("Pick a CA certificate", ["pem", "crt", "cer"]);
      if (path !== null) setCa(path);
    } catch (thrown) {
      page.fail("No file was picked", thrown);
    }
  };
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    const target = { endpoint: withScheme(endpoint), ca: ca.trim() || null, credential };
    void page.open({ kind: "remote", ...target });
  };

  return (
    <form className="form" onSubmit={submit}>
      <Field label="Address">
        {(id) => (
          <input
            id={id}
            className="input mono"
            name="endpoint"
            placeholder="https://my-instance.api.weu.digitaltwins.azure.net"
            value={endpoint}
            spellCheck={false}
            // biome-ignore lint/a11y/noAutofocus: the dialog opened for this field
            autoFocus
            onChange={(event) => setEndpoint(event.target.value)}
          />
        )}
      </Field>
      <Field
        label="CA certificate"
        hint="Only where the system's do not do: for twinscope serve, the path that it printed"
      >
        {(id) => (
          <span className="editor-line">
            <input
              id={id}
              className="input mono stretch"
              name="ca"
              placeholder="The system's"
              value={ca}
              spellCheck={false}
              onChange={(event) => setCa(event.target.value)}
            />
            <Button icon={FileKey} onClick={() => void pickCa()}>
              Pick …
            </Button>
          </span>
        )}
      </Field>
      <Field label="Sign in with">
        {() => (
          <Segments
            label="Sign in with"
            value={credential.kind}
            options={ways}
            onChange={(kind) => setCredential(blank[kind])}
          />
        )}
      </Field>
      <CredentialFields credential={credential} onChange={setCredential} />
      <div className="form-actions">
        <Button onClick={onBack}>Back</Button>
        <span className="stretch" />
        <Button look="primary" type="submit" disabled={!endpoint.trim() || !complete(credential)}>
          Open
        </Button>
      </div>
    </form>
  );
}

function CredentialFields(props: {
  credential: Credential;
  onChange: (credential: Credential) => void;
}) {
  const { credential, onChange } = props;
  switch (credential.kind) {
    case "developerTools":
      return (
        <p className="hint">
          Takes the sign-in of the Azure CLI or the Azure Developer CLI on this machine.
        </p>
      );
    case "token":
      return (
        <Text
          label="Token"
          hint="For twinscope serve any will do, unless it was started with --token. Kept in memory only."
          secret
          value={credential.token}
          onChange={(token) => onChange({ ...credential, token })}
        />
      );
    case "clientSecret":
      return (
        <>
          <Text
            label="Tenant"
            value={credential.tenant}
            onChange={(tenant) => onChange({ ...credential, tenant })}
          />
          <Text
            label="Client"
            value={credential.client}
            onChange={(client) => onChange({ ...credential, client })}
          />
          <Text
            label="Secret"
            hint="Kept in memory only"
            secret
            value={credential.secret}
            onChange={(secret) => onChange({ ...credential, secret })}
          />
        </>
      );
  }
}

interface TextProps {
  label: string;
  hint?: string;
  secret?: boolean;
  value: string;
  onChange: (value: string) => void;
}

function Text({ label, hint, secret, value, onChange }: TextProps) {
  return (
    <Field label={label} hint={hint}>
      {(id) => (
        <input
          id={id}
          className="input mono"
          name={label.toLowerCase()}
          type={secret ? "password" : "text"}
          autoComplete="off"
          spellCheck={false}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

function Field(props: { label: string; hint?: string; children: (id: string) => ReactNode }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      <div className="field-body">
        {props.children(id)}
        {props.hint && <p className="hint">{props.hint}</p>}
      </div>
    </div>
  );
}
