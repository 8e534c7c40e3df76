import assert from "node:assert/strict";
import { DEFAULT_ORIGINS, originMatcher } from "../../../src/http/cors.ts";

Deno.test("originMatcher() allows local pages, shells and extensions by default", () => {
  const allowed = originMatcher(DEFAULT_ORIGINS);
  for (
    const origin of [
      "http://localhost",
      "http://localhost:3000",
      "https://127.0.0.1:8443",
      "http://0.0.0.0:1",
      "http://[::1]:5173",
      "HTTP://LOCALHOST:3000",
      "app://obsidian.md",
      "tauri://localhost",
      "file://",
      "vscode-webview://1a2b",
      "chrome-extension://abc",
      "moz-extension://abc",
    ]
  ) {
    assert.ok(allowed(origin), origin);
  }
});

Deno.test("originMatcher() refuses foreign pages, also those that look local", () => {
  const allowed = originMatcher(DEFAULT_ORIGINS);
  for (
    const origin of [
      "",
      "null",
      "https://example.com",
      "http://localhost.example.com",
      "http://localhost:1@example.com",
      "http://localhost:",
      "http://127x0x0x1",
      "https://example.com/app://",
    ]
  ) {
    assert.ok(!allowed(origin), origin);
  }
});

Deno.test("originMatcher() reads patterns of the operator", () => {
  const allowed = originMatcher(["https://*.example.com"]);
  assert.ok(allowed("https://a.example.com"));
  assert.ok(!allowed("https://example.com"));
  assert.ok(originMatcher(["*"])("https://anything"));
  assert.ok(!originMatcher([])("http://localhost"));
});
