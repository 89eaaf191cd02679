// What stands behind # in a mailed link goes to no server; here it goes into the form.
const token = location.hash.slice(1);
if (token.startsWith("pb_link_")) {
  document.getElementById("token").value = token;
  document.getElementById("paste").hidden = true;
  document.getElementById("switch").hash = token;
}
