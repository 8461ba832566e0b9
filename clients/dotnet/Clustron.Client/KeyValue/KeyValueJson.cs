using System.Text.Json;
using StackExchange.Redis;

namespace Clustron;

/// <summary>Objects as JSON, by System.Text.Json.</summary>
public static class KeyValueJson
{
    /// <summary>Writes an object. Its type and options of JSON should stay what they are as long as the key does.</summary>
    public static Task<KeyValueResult> PutJsonAsync<T>(
        this KeyValueStore store, RedisKey key, T value, PutOptions? options = null, JsonSerializerOptions? json = null, CancellationToken cancellation = default) =>
        store.PutAsync(key, JsonSerializer.SerializeToUtf8Bytes(value, json), options, cancellation);

    /// <summary>Reads an object, and the entry that it stands in; default if there is no key.</summary>
    /// <exception cref="JsonException">The value is no such object.</exception>
    public static async Task<(T? Value, KeyValueEntry Entry)> GetJsonAsync<T>(
        this KeyValueStore store, RedisKey key, JsonSerializerOptions? json = null, CancellationToken cancellation = default)
    {
        KeyValueEntry entry = await store.GetAsync(key, cancellation).ConfigureAwait(false);
        return (entry.Exists ? JsonSerializer.Deserialize<T>(((ReadOnlyMemory<byte>)entry.Value).Span, json) : default, entry);
    }
}
