using Microsoft.Extensions.Logging;

namespace Clustron.Caching.Internal;

/// <summary>
/// Hears of changes of the entries by a watch of their prefix, and tells the local store. Where changes may have been missed that the
/// server keeps no more, everything local is dropped. Thread-safe.
/// </summary>
internal sealed class Backplane : IAsyncDisposable
{
    private static readonly WatchOptions Options = new() { WhenCompacted = WhenCompacted.Fail };
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    private readonly Watches _watches;
    private readonly HybridStore _store;
    private readonly LocalStore _local;
    private readonly TimeSpan _staleAfter;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _run;
    private WatchSubscription? _watch;

    public Backplane(Watches watches, HybridStore store, LocalStore local, TimeSpan staleAfter, ILogger log)
    {
        (_watches, _store, _local, _staleAfter, _log) = (watches, store, local, staleAfter, log);
        _run = Task.Run(RunAsync);
    }

    /// <summary>Local entries may be used: all changes up to a short time ago have been told.</summary>
    public bool IsLive => Volatile.Read(ref _watch) is { } watch && watch.SinceHeard < _staleAfter;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _run.ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        for (TimeSpan pause = FirstPause; !_stop.IsCancellationRequested;)
        {
            try
            {
                WatchSubscription watch = await _watches.PrefixAsync(_store.EntryPrefix, OnEvent, Options, _stop.Token).ConfigureAwait(false);
                await using (watch.ConfigureAwait(false))
                {
                    // What is kept, or being loaded, is from before the watch.
                    _local.DropAll();
                    Volatile.Write(ref _watch, watch);
                    pause = FirstPause;
                    await watch.Completion.WaitAsync(_stop.Token).ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested) { }
            catch (Exception error)
            {
                _log.LogWarning(error, "The cache's local entries are dropped, as changes may have been missed: {Reason}", error.Message);
            }
            Volatile.Write(ref _watch, null);
            _local.DropAll();
            await PauseAsync(pause).ConfigureAwait(false);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    private async Task PauseAsync(TimeSpan pause)
    {
        try { await Task.Delay(pause, _stop.Token).ConfigureAwait(false); }
        catch (OperationCanceledException) { } // It ends.
    }

    private ValueTask OnEvent(WatchEvent e, CancellationToken cancellation)
    {
        if (e.Kind == WatchEventKind.Reset) _local.DropAll();
        else if (_store.KeyOf(e.Key) is { } key) _local.Change(key, e.Revision);
        return ValueTask.CompletedTask;
    }
}
