using System.Buffers;
using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.DependencyInjection;

namespace Clustron.Caching.Internal;

/// <summary>How values become bytes: registered serializers, then registered factories, then strings, bytes and JSON. Thread-safe.</summary>
internal sealed class Serializers(IServiceProvider? services)
{
    private readonly ConcurrentDictionary<Type, object> _known = new();

    public byte[] Write<T>(T value)
    {
        var buffer = new ArrayBufferWriter<byte>();
        Of<T>().Serialize(value, buffer);
        return buffer.WrittenSpan.ToArray();
    }

    public T Read<T>(byte[] payload) => Of<T>().Deserialize(new ReadOnlySequence<byte>(payload));

    /// <summary>Nobody can change such an object, so that all callers may have the same one.</summary>
    public static bool IsImmutable<T>() => Immutable<T>.Is;

    private IHybridCacheSerializer<T> Of<T>() => (IHybridCacheSerializer<T>)_known.GetOrAdd(typeof(T), _ => Find<T>());

    private IHybridCacheSerializer<T> Find<T>()
    {
        if (services?.GetService<IHybridCacheSerializer<T>>() is { } own) return own;
        foreach (IHybridCacheSerializerFactory factory in services?.GetServices<IHybridCacheSerializerFactory>().Reverse() ?? [])
        {
            if (factory.TryCreateSerializer(out IHybridCacheSerializer<T>? made)) return made;
        }
        if (typeof(T) == typeof(string)) return (IHybridCacheSerializer<T>)(object)new StringSerializer();
        if (typeof(T) == typeof(byte[])) return (IHybridCacheSerializer<T>)(object)new BytesSerializer();
        return new JsonSerializerOf<T>();
    }

    private static class Immutable<T>
    {
        public static readonly bool Is = Find(Nullable.GetUnderlyingType(typeof(T)) ?? typeof(T));

        private static bool Find(Type type) =>
            type == typeof(string) || type.IsPrimitive || type.IsEnum || type == typeof(decimal) || type == typeof(Guid) || type == typeof(DateTime)
            || type == typeof(DateTimeOffset) || type == typeof(TimeSpan) || type == typeof(DateOnly) || type == typeof(TimeOnly)
            || ((type.IsValueType || type.IsSealed) && type.GetCustomAttribute<ImmutableObjectAttribute>() is { Immutable: true });
    }

    private sealed class StringSerializer : IHybridCacheSerializer<string>
    {
        public string Deserialize(ReadOnlySequence<byte> source) => Encoding.UTF8.GetString(source);
        public void Serialize(string value, IBufferWriter<byte> target) => Encoding.UTF8.GetBytes(value, target);
    }

    private sealed class BytesSerializer : IHybridCacheSerializer<byte[]>
    {
        public byte[] Deserialize(ReadOnlySequence<byte> source) => source.ToArray();
        public void Serialize(byte[] value, IBufferWriter<byte> target) => target.Write(value);
    }

    private sealed class JsonSerializerOf<T> : IHybridCacheSerializer<T>
    {
        [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Programs that are trimmed register serializers of their own.")]
        public T Deserialize(ReadOnlySequence<byte> source)
        {
            var reader = new Utf8JsonReader(source);
            return JsonSerializer.Deserialize<T>(ref reader)!;
        }

        [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Programs that are trimmed register serializers of their own.")]
        public void Serialize(T value, IBufferWriter<byte> target)
        {
            using var writer = new Utf8JsonWriter(target);
            JsonSerializer.Serialize(writer, value);
        }
    }
}
