#include "cluster/wire/formation_wire.h"

#include "base/coding.h"
#include "base/strings.h"

namespace clustron::cluster {

std::string EncodePlaceGrant(const PlaceGrant& grant) {
  std::string out;
  Writer writer(&out);
  writer.U64(grant.known_boot);
  writer.Bytes(grant.genesis);
  return out;
}

bool DecodePlaceGrant(std::string_view bytes, PlaceGrant* grant) {
  constexpr uint64_t kBootMax = 0xfffffff0;  // sessions have 32 bits for it
  Reader reader(bytes);
  grant->known_boot = reader.U64();
  grant->genesis = reader.Bytes();
  return reader.Done() && grant->known_boot <= kBootMax;
}

std::string EncodeFormationAnswer(const FormationAnswer& answer) {
  std::string out;
  Writer writer(&out);
  writer.U8(static_cast<uint8_t>(answer.state));
  writer.Bytes(answer.cluster_id);
  writer.Bytes(answer.text);
  return out;
}

Result<FormationAnswer> DecodeFormationAnswer(std::string_view bytes) {
  Reader reader(bytes);
  FormationAnswer answer;
  answer.state = static_cast<FormationState>(reader.U8());
  answer.cluster_id = reader.Bytes();
  answer.text = reader.Bytes();
  if (!reader.Done() || answer.state < FormationState::kEmpty ||
      answer.state > FormationState::kRefused)
    return Fail(Errc::kCorruption,
                "its answer, proven by the cluster secret, can't be read: another version of the "
                "program?");
  return answer;
}

std::string Seal(std::string_view secret, Role sender, const Hellos& hellos,
                 std::string_view text) {
  std::string out(text);
  out.append(Proof(secret, Hello::Purpose::kFormation, sender, hellos, text));
  return out;
}

Unsealed Unseal(std::string_view secret, Role sender, const Hellos& hellos, std::string* text) {
  if (text->size() <= kProofBytes) return Unsealed::kMalformed;
  const std::string proof = text->substr(text->size() - kProofBytes);
  text->resize(text->size() - kProofBytes);
  const std::string right = Proof(secret, Hello::Purpose::kFormation, sender, hellos, *text);
  return EqualsConstantTime(proof, right) ? Unsealed::kOk : Unsealed::kOtherSecret;
}

}  // namespace clustron::cluster
