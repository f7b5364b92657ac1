import { test } from "node:test";
import fc from "fast-check";
import { startAdmin } from "./admin.ts";
test("adhoc", async (t) => {
  const errors: string[] = [];
  const log: any = { error: (m: string, f: any) => errors.push(m + " " + f.method + " " + f.route + " " + (f.cause?.stack ?? f.cause)), warn() {}, info() {}, debug() {}, notice() {}, isDebug: false };
  const { call } = await startAdmin(t, { log });
  const names = ["services","routes","consumers","plugins","key-auths","basic-auths","acls","sessions","tags","schemas/services/validate","schemas/plugins/validate","services/s/routes","services/s/plugins","consumers/c/key-auth","consumers/c/acls","consumers/c/basic-auth","consumers/c/plugins","routes/r/service","routes/r","services/s","consumers/c","plugins/p","consumers/c/key-auth/k","consumers/c/acls/g","key-auths/k/consumer"];
  await call("POST","/services",{name:"s",host:"h"}); await call("POST","/routes",{name:"r",paths:["/a"],service:{name:"s"}}); await call("POST","/consumers",{username:"c"}); await call("POST","/consumers/c/key-auth",{key:"k"}); await call("POST","/plugins",{name:"key-auth",instance_name:"p"});
  const fields = ["id","name","host","port","path","url","tags","protocols","paths","hosts","headers","methods","service","route","consumer","config","config.key_names","config.secret","key","ttl","username","custom_id","password","group","session_id","expires","data","enabled","instance_name","created_at","updated_at","client_certificate","ca_certificates","retries","snis","sources","__proto__","constructor","toString"];
  const val: fc.Arbitrary<unknown> = fc.oneof(fc.constantFrom(null,true,false,0,1,-1,1.5,1e308,2**53,"","x","a b","key-auth","session","acl","http","https","~/(","~/a+","/a","//","*","\u0000","ä","😀",[],{},[1],["a","a"],[null],[[[]]],{id:"x"},{id:"00000000-0000-4000-8000-000000000001"},{name:"s"},{username:"c"},{name:1},{id:null,name:"s"},{a:{b:{c:1}}},["http","tcp"],{"__proto__":"x"},{secret:{}},{key_names:"x"},{key_names:{a:1}},"http://h:99999999/","http://[::1","ftp://x", 99999999999999999999), fc.jsonValue({maxDepth:3}) as any);
  const sent: any[] = [];
  await fc.assert(fc.asyncProperty(fc.constantFrom("GET","POST","PUT","PATCH","DELETE"), fc.constantFrom(...names), fc.dictionary(fc.constantFrom(...fields), val, {maxKeys:5,noNullPrototype:true}), fc.boolean(), fc.constantFrom("","?size=2","?tags=a","?custom_id=%00","?offset=WyJhIl0","?offset=W10","?tags=%00"), async (m,n,b,form,q) => {
    if (m==="DELETE" && Math.random()<0.8) return;
    const body = form ? Object.entries(b).map(([k,v])=> typeof v==="object"&&v? Object.entries(v).map(([kk,vv])=>`${k}.${encodeURIComponent(kk)}=${encodeURIComponent(String(vv).toWellFormed())}`).join("&") : `${k}=${encodeURIComponent(String(v).toWellFormed())}`).join("&") : b;
    const before = errors.length;
    const a = await call(m,"/"+n+q, m==="GET"||m==="DELETE"?undefined:body);
    if (a.status>=500 || errors.length>before) console.log(m,n+q,JSON.stringify(body),a.status,errors.at(-1));
  }), { numRuns: 6000 });
  for (const n of names) for (const s of ["\u0000", "%00", "__proto__", "a".repeat(20000), "..", "%", "%25"]) { const a = await call("GET","/"+n+"/"+encodeURIComponent(s)); if (a.status>=500) console.log("GET",n,s.slice(0,20),a.status,errors.at(-1)); }
});
