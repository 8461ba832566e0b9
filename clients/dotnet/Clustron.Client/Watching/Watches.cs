using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Clustron.Internal;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Clustron;

/// <summary>A watch that calls back. Disposing ends it.</summary>
public sealed class WatchSubscription : IAsyncDisposable
{
    private readonly WatchSession _session;
    private readonly CancellationTokenSource _stop = new();

    internal WatchSubscription(WatchSession session, ILogger log)
    {
        _session = session;
        Completion = RunAsync(log);
    }

    /// <summary>Everything up to here was told: what <see cref="WatchOptions.FromRevision"/> goes on from.</summary>
    public long Revision => _session.Revision;

    /// <summary>
    /// How long ago it heard from the server last; what happened up to then was told. A server in reach says something each 10 s.
    /// </summary>
    public TimeSpan SinceHeard => _session.SinceHeard;

    /// <summary>Done when the watch has ended; failed if the handler threw, or a gap ended it.</summary>
    public Task Completion { get; }

    /// <summary>Ends it; waits for a handler that runs.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _session.DisposeAsync().ConfigureAwait(false);
        try { await Completion.ConfigureAwait(false); }
        catch (Exception) when (Completion.IsFaulted) { } // Completion tells it.
    }

    private async Task RunAsync(ILogger log)
    {
        await Task.Yield();
        try
        {
            await _session.RunAsync(_stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested) { }
        catch (Exception error)
        {
            log.LogError(error, "A watch has ended: {Reason}", error.Message);
            await _session.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}

/// <summary>
/// Changes of keys as they happen: ordered, unique, whole revisions, without holes over reconnects and changes of nodes. Each is a channel
/// on the shared connection. Thread-safe.
/// </summary>
public sealed class Watches
{
    private const int ReaderBuffer = 64;
    private readonly Executor _executor;
    private readonly ILogger _log;

    internal Watches(Executor executor, ClustronOptions options)
    {
        _executor = executor;
        _log = options.LoggerFactory.CreateLogger<Watches>();
    }

    /// <summary>Calls a handler for each change of a key, one after the other; from the call's end on nothing is missed.</summary>
    public Task<WatchSubscription> KeyAsync(
        RedisKey key, Func<WatchEvent, CancellationToken, ValueTask> handler, WatchOptions? options = null, CancellationToken cancellation = default) =>
        StartAsync(false, key, handler, options, cancellation);

    /// <summary>Calls a handler for each change of any key that begins with a prefix.</summary>
    public Task<WatchSubscription> PrefixAsync(
        string prefix, Func<WatchEvent, CancellationToken, ValueTask> handler, WatchOptions? options = null, CancellationToken cancellation = default) =>
        StartAsync(true, prefix, handler, options, cancellation);

    /// <summary>The changes of a key, for <c>await foreach</c>, until it is cancelled. It begins with the first step of the loop.</summary>
    public IAsyncEnumerable<WatchEvent> KeyAsync(RedisKey key, WatchOptions? options = null, CancellationToken cancellation = default) =>
        ReadAsync(false, key, options, cancellation);

    /// <summary>The changes of all keys that begin with a prefix, for <c>await foreach</c>, until it is cancelled.</summary>
    public IAsyncEnumerable<WatchEvent> PrefixAsync(string prefix, WatchOptions? options = null, CancellationToken cancellation = default) =>
        ReadAsync(true, prefix, options, cancellation);

    /// <summary>The store's newest revision.</summary>
    public async Task<long> RevisionAsync(CancellationToken cancellation = default)
    {
        Command command = Command.Of("WATCHKEY", "REV");
        return (long)(await _executor.AskAsync(command, Repeat.Read, cancellation).ConfigureAwait(false)).Array(command, 1)[0];
    }

    private async Task<WatchSubscription> StartAsync(
        bool isPrefix, RedisKey name, Func<WatchEvent, CancellationToken, ValueTask> handler, WatchOptions? options, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(handler);
        WatchSession session = Session(isPrefix, name, handler, options);
        try
        {
            await session.StartAsync(cancellation).ConfigureAwait(false);
        }
        catch
        {
            await session.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        return new WatchSubscription(session, _log);
    }

    private async IAsyncEnumerable<WatchEvent> ReadAsync(
        bool isPrefix, RedisKey name, WatchOptions? options, [EnumeratorCancellation] CancellationToken cancellation)
    {
        // A reader that is slow holds up the session, whose own buffer is what overflows.
        var events = Channel.CreateBounded<WatchEvent>(new BoundedChannelOptions(ReaderBuffer) { SingleReader = true, SingleWriter = true });
        WatchSession session = Session(isPrefix, name, (e, stop) => events.Writer.WriteAsync(e, stop), options);
        await using (session.ConfigureAwait(false))
        {
            await session.StartAsync(cancellation).ConfigureAwait(false);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            Task run = PumpAsync(session, events.Writer, stop.Token);
            try
            {
                await foreach (WatchEvent e in events.Reader.ReadAllAsync(cancellation).ConfigureAwait(false)) yield return e;
            }
            finally
            {
                await stop.CancelAsync().ConfigureAwait(false);
                await run.ConfigureAwait(false);
            }
        }
    }

    private static async Task PumpAsync(WatchSession session, ChannelWriter<WatchEvent> events, CancellationToken stop)
    {
        await Task.Yield();
        try
        {
            await session.RunAsync(stop).ConfigureAwait(false);
            events.TryComplete();
        }
        catch (Exception error)
        {
            events.TryComplete(stop.IsCancellationRequested ? null : error);
        }
    }

    private WatchSession Session(bool isPrefix, RedisKey name, Func<WatchEvent, CancellationToken, ValueTask> deliver, WatchOptions? options)
    {
        byte[] bytes = (byte[]?)name ?? [];
        if (bytes.Length == 0 && !isPrefix) throw new ArgumentException("A watch needs a key.", nameof(name));
        options ??= new WatchOptions();
        var target = new WatchTarget(_executor.Port.Database, isPrefix, bytes, options.PreviousValues);
        return new WatchSession(_executor, target, options, deliver, _log);
    }
}
